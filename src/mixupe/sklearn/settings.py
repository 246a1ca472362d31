"""The arguments of the classifier that are numbers, checked when it is fitted, as scikit-learn wants it."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from mixupe.errors import wrong_key
from mixupe.models.settings import MLPSettings
from mixupe.settings import Device, Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Settings
from mixupe.training.optimizer import AdamWSettings, CosineSettings

# As in configs/scheduler/cosine.yaml.
SCHEDULE = CosineSettings(name="cosine", warmup=0.05, warmup_start=0.1)


class FitSettings(Settings):
    """See `MixupEClassifier` for what they mean."""

    hidden: tuple[PositiveInt, ...]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2, strict=True)]
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    validation_fraction: Fraction | None
    patience: PositiveInt | None
    device: Device
    verbose: NonNegativeInt

    @property
    def model(self) -> MLPSettings:
        """The perceptron of models/mlp.py; Manifold Mixup mixes at the input and what flows into each later layer."""
        later = [f"layers.{layer}" for layer in range(1, len(self.hidden))]
        stages = ("input", *later, *(["head"] if self.hidden else []))
        return MLPSettings(name="mlp", builder="mlp", stages=stages, hidden=self.hidden, dropout=self.dropout)

    @property
    def optimizer(self) -> AdamWSettings:
        return AdamWSettings(name="adamw", lr=self.learning_rate, weight_decay=self.weight_decay)


def checked_settings(arguments: Mapping[str, Any]) -> FitSettings:
    """Those of the arguments that are settings.

    Raises:
        ValueError: one is wrong; the message names it.
    """
    values = {name: _plain(arguments[name]) for name in FitSettings.model_fields}
    try:
        return FitSettings.model_validate(values)
    except ValidationError as error:
        raise ValueError(wrong_key(error)) from error


def _plain(value: Any) -> Any:
    """A number from a grid that NumPy made, as Python's."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value
