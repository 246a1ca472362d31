"""Optimizers and learning-rate schedules; the schedule is a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mixupe.settings import NonNegativeFloat, PositiveFloat, PositiveInt, Settings

if TYPE_CHECKING:
    from torch import nn, optim
    from torch.optim.lr_scheduler import LambdaLR


class SGDSettings(Settings):
    """Keys of torch.optim.SGD.

    Attributes:
        lr: peak learning rate.
        momentum, nesterov, weight_decay: as in torch.optim.SGD.
    """

    name: Literal["sgd"]
    lr: PositiveFloat
    momentum: Annotated[float, Field(ge=0, lt=1)]
    nesterov: bool
    weight_decay: NonNegativeFloat


class AdamSettings(Settings):
    """Keys of torch.optim.Adam.

    Attributes:
        lr: peak learning rate.
        weight_decay: as in torch.optim.Adam: added to the gradient.
    """

    name: Literal["adam"]
    lr: PositiveFloat
    weight_decay: NonNegativeFloat


Beta = Annotated[float, Field(ge=0, lt=1)]


class AdamWSettings(Settings):
    """Keys of torch.optim.AdamW.

    Attributes:
        lr: peak learning rate.
        weight_decay: as in torch.optim.AdamW.
        betas: decay of the averages of the gradient and of its square.
    """

    name: Literal["adamw"]
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    betas: Annotated[tuple[Beta, Beta], Field(json_schema_extra={"identity_default": [0.9, 0.999]})] = (0.9, 0.999)


OptimizerSettings = Annotated[SGDSettings | AdamSettings | AdamWSettings, Field(discriminator="name")]


class StepSettings(Settings):
    """Linear warm-up, then a drop at each milestone.

    Attributes:
        warmup: share of the run spent warming up, in [0, 1).
        warmup_start: share of the peak learning rate at which the warm-up starts.
        milestones: shares of the run after which the rate is multiplied by gamma.
        gamma: factor in (0, 1].
    """

    name: Literal["step"]
    warmup: Annotated[float, Field(ge=0, lt=1)]
    warmup_start: Annotated[float, Field(gt=0, le=1)]
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...]
    gamma: Annotated[float, Field(gt=0, le=1)]

    def after_warmup(self, progress: float) -> float:
        return float(self.gamma ** sum(progress >= milestone for milestone in self.milestones))


class CosineSettings(Settings):
    """Linear warm-up, then half a cosine down to a share of the peak.

    Attributes:
        warmup: share of the run spent warming up, in [0, 1).
        warmup_start: share of the peak learning rate at which the warm-up starts.
        floor: share of the peak learning rate at the end.
    """

    name: Literal["cosine"]
    warmup: Annotated[float, Field(ge=0, lt=1)]
    warmup_start: Annotated[float, Field(gt=0, le=1)]
    floor: Annotated[float, Field(ge=0, lt=1, json_schema_extra={"identity_default": 0.0})] = 0.0

    def after_warmup(self, progress: float) -> float:
        falling = 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
        return self.floor + (1 - self.floor) * falling


class EverySettings(Settings):
    """A drop after every so many epochs, however many there are.

    Attributes:
        epochs: between drops.
        gamma: factor of a drop, in (0, 1].
    """

    name: Literal["every"]
    epochs: PositiveInt
    gamma: Annotated[float, Field(gt=0, le=1)]


SchedulerSettings = Annotated[StepSettings | CosineSettings | EverySettings, Field(discriminator="name")]


def build_optimizer(settings: OptimizerSettings, model: nn.Module) -> optim.Optimizer:
    """The optimizer of all parameters, as one fused kernel a step (CPU and CUDA)."""
    from torch import optim  # settings are checked without it

    match settings:
        case SGDSettings():
            return optim.SGD(
                model.parameters(),
                lr=settings.lr,
                momentum=settings.momentum,
                nesterov=settings.nesterov,
                weight_decay=settings.weight_decay,
                fused=True,
            )
        case AdamSettings():
            return optim.Adam(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
        case AdamWSettings():
            return optim.AdamW(
                model.parameters(), lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
            )


def lr_factor(settings: SchedulerSettings, epochs: int, steps_per_epoch: int) -> Callable[[int], float]:
    """Step (0-based) -> factor on the peak learning rate, over a run of that length."""
    if isinstance(settings, EverySettings):
        return lambda step: float(settings.gamma ** (step // (settings.epochs * steps_per_epoch)))
    total_steps = epochs * steps_per_epoch

    def factor(step: int) -> float:
        progress = min(step / total_steps, 1.0)
        if progress < settings.warmup:
            return settings.warmup_start + (1 - settings.warmup_start) * progress / settings.warmup
        return settings.after_warmup(progress)

    return factor


def build_scheduler(
    settings: SchedulerSettings, optimizer: optim.Optimizer, epochs: int, steps_per_epoch: int
) -> LambdaLR:
    """The schedule, to be stepped after every optimizer step."""
    from torch.optim.lr_scheduler import LambdaLR

    return LambdaLR(optimizer, lr_factor(settings, epochs, steps_per_epoch))
