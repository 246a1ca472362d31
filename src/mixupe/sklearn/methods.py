"""From the classifier's arguments to a method of this package."""

import inspect
from typing import Any

import torch

from mixupe.augmentation.loss import CrossEntropy
from mixupe.augmentation.method import Method
from mixupe.augmentation.registry import own_method, own_methods
from mixupe.data.base import DataSpec
from mixupe.data.tensors import TensorSplit


def method_of(
    name: str,
    given: dict[str, Any],
    mix_layers: tuple[str, ...],
    weights: torch.Tensor | None,
    train: TensorSplit,
    spec: DataSpec,
) -> Method:
    """The method of that name.

    Args:
        name: of a method that takes tables.
        given: alpha, eta and variant; those that are None, or that the method does not have, stay at its defaults.
        mix_layers: mix layers for a method that chooses among several.
        weights: (K,) of the classes.
        train: the training part.
        spec: of the data.

    Raises:
        ValueError: there is no such method, a value is out of its range, or the method takes no class weights.
    """
    cls = own_method(name) if isinstance(name, str) else None
    if cls is None or "tabular" not in cls.domains:
        allowed = [other for other, candidate in own_methods().items() if "tabular" in candidate.domains]
        raise ValueError(f"augmentation: must be one of {', '.join(allowed)}, got {name!r}")
    arguments = inspect.signature(cls).parameters
    offered = {**given, "x_mean": train.mean_input()}
    if weights is not None:
        if "criterion" not in arguments:
            raise ValueError(f"class_weight: cannot be used with augmentation {name}")
        offered["criterion"] = CrossEntropy(weights)
    if "mix_at" in arguments and isinstance(arguments["mix_at"].default, tuple):
        offered["mix_at"] = mix_layers
    method = cls(**{key: value for key, value in offered.items() if key in arguments and value is not None})
    method.learn(train, spec)
    return method
