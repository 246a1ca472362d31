"""What does not go together: settings of several parts, settings and data, settings and machine, each refused in one line.

What is wrong with one part alone, its settings class says.
"""

import inspect
from typing import TYPE_CHECKING

import torch

from mixupe.augmentation.config import prototype
from mixupe.augmentation.method import Method
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.errors import UserError
from mixupe.models.registry import domains_of

if TYPE_CHECKING:
    from mixupe.data.base import DataBundle
    from mixupe.experiment.settings import RunSettings


def check_settings(settings: "RunSettings") -> None:
    """What can be told before any data is loaded.

    Raises:
        UserError: model or method do not take data of that domain, or the method does not take the criterion.
    """
    domain, method = settings.dataset.domain, settings.augmentation.method_class
    _takes(f"model: {settings.model.name}", domains_of(settings.model), domain)
    _takes(f"augmentation: {settings.augmentation.name}", method.domains, domain)
    if "criterion" not in inspect.signature(method).parameters:
        for key, plain in (("criterion", "cross_entropy"), ("class_weights", None), ("label_smoothing", 0.0)):
            if getattr(settings.trainer, key) != plain:
                raise UserError(f"trainer.{key}: augmentation {settings.augmentation.name} has a criterion of its own")


def check_processes(settings: "RunSettings", processes: int) -> None:
    """Raise UserError if the settings do not let so many processes share a run."""
    if processes == 1:
        return
    if settings.trainer.accumulate < processes:
        raise UserError(
            f"trainer.accumulate: torchrun's {processes} processes need at least as many micro-batches a batch, got"
            f" {settings.trainer.accumulate}; any number of processes up to trainer.accumulate gives the same result"
        )
    obstacle = prototype(settings.augmentation).obstacle("processes")
    if obstacle is not None:
        raise UserError(f"torchrun: several processes cannot train with {obstacle}")


def check_prepared(settings: "RunSettings", data: "DataBundle", model: torch.nn.Module) -> None:
    """What shows when data and model are there, before training.

    Raises:
        UserError: they do not go with the settings, or the machine does not.
    """
    # Imported here: a wrong value is refused without the packages that these bring.
    from mixupe.data.images.tensor_images import TensorImages
    from mixupe.training.trainer import resolve_device

    method = prototype(settings.augmentation)
    for name in method.mix_layers:
        _check_mix_layer(model, name, data.spec.domain)
    if settings.trainer.compile:
        _check_compilable(method)
    if settings.trainer.ema is not None:
        check_average(model)
    device = resolve_device(settings.trainer.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"trainer.device: {device} was asked for, but no CUDA device is available; use cpu or auto")
    if settings.trainer.deformations and not isinstance(data.test, TensorImages):
        raise UserError("trainer.deformations: true needs images held in memory, which this data set's are not")
    if len(data.train.labels) < 2:
        raise UserError(f"dataset: {settings.dataset.name} has fewer than 2 training examples")


def check_average(model: torch.nn.Module) -> None:
    """Raise UserError for what timm's moving average, which goes by the names in the state dict, would average wrongly."""
    values = model.state_dict(keep_vars=True)
    names: dict[int, str] = {}
    for name, value in values.items():
        other = names.setdefault(id(value), name)
        if other != name:
            raise UserError(f"trainer.ema: {other} and {name} are one tensor, which would decay twice a step")
        if not value.isfinite().all():
            raise UserError(f"trainer.ema: {name} holds infinities, of which the average is no number")


def check_method(settings: "RunSettings", method: Method) -> None:
    """Raise UserError if a method that has been made and has learned has weights, which no optimizer is given."""
    weights = [name for name, parameter in method.named_parameters() if parameter.requires_grad]
    if weights:
        raise UserError(
            f"augmentation: {settings.augmentation.name} has a parameter {weights[0]!r}, but only the model's are trained;"
            " what a method keeps is a buffer"
        )


def _takes(what: str, domains: tuple[str, ...], domain: str) -> None:
    if domain not in domains:
        raise UserError(f"{what} takes {' or '.join(domains)}, the data set holds {domain}")


def _check_compilable(method: Method) -> None:
    """A compiled model would ignore a hook on an inner module, and cannot be differentiated twice."""
    others = [name for name in method.mix_layers if name != INPUT]
    if others:
        raise UserError(f"trainer.compile: true works with mixing at the input, augmentation.mix_at has {others[0]!r}")
    obstacle = method.obstacle("compile")
    if obstacle is not None:
        raise UserError(f"trainer.compile: true cannot be used with {obstacle}")


def _check_mix_layer(model: torch.nn.Module, name: str, domain: str) -> None:
    try:
        MixLayer(model, name)
    except ValueError as error:
        raise UserError(f"augmentation.{error}") from error
    if domain == "graphs" and name == INPUT:
        raise UserError(
            "augmentation.mix_at: graphs cannot be mixed at the input; use head, whose input is the readout"
        )
