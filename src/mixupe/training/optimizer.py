"""Optimizers and learning-rate schedules; the schedule is a pure function of the step."""

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field
from torch import nn, optim
from torch.optim.lr_scheduler import LambdaLR

from mixupe.settings import NonNegativeFloat, PositiveFloat, Settings


class SGDSettings(Settings):
    """Attributes:
    lr: peak learning rate.
    momentum, nesterov, weight_decay: as in torch.optim.SGD.
    """

    name: Literal["sgd"]
    lr: PositiveFloat
    momentum: Annotated[float, Field(ge=0, lt=1)]
    nesterov: bool
    weight_decay: NonNegativeFloat


class AdamWSettings(Settings):
    """Attributes:
    lr: peak learning rate.
    weight_decay: as in torch.optim.AdamW.
    """

    name: Literal["adamw"]
    lr: PositiveFloat
    weight_decay: NonNegativeFloat


OptimizerSettings = Annotated[SGDSettings | AdamWSettings, Field(discriminator="name")]


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
    """Linear warm-up, then half a cosine down to 0.

    Attributes:
        warmup: share of the run spent warming up, in [0, 1).
        warmup_start: share of the peak learning rate at which the warm-up starts.
    """

    name: Literal["cosine"]
    warmup: Annotated[float, Field(ge=0, lt=1)]
    warmup_start: Annotated[float, Field(gt=0, le=1)]

    def after_warmup(self, progress: float) -> float:
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))


SchedulerSettings = Annotated[StepSettings | CosineSettings, Field(discriminator="name")]


def build_optimizer(settings: OptimizerSettings, model: nn.Module) -> optim.Optimizer:
    """The optimizer of all parameters, as one fused kernel a step (CPU and CUDA)."""
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
        case AdamWSettings():
            return optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)


def lr_factor(settings: SchedulerSettings, total_steps: int) -> Callable[[int], float]:
    """Step (0-based) -> factor on the peak learning rate, over a run of `total_steps`."""

    def factor(step: int) -> float:
        progress = min(step / total_steps, 1.0)
        if progress < settings.warmup:
            return settings.warmup_start + (1 - settings.warmup_start) * progress / settings.warmup
        return settings.after_warmup(progress)

    return factor


def build_scheduler(settings: SchedulerSettings, optimizer: optim.Optimizer, total_steps: int) -> LambdaLR:
    """The schedule, to be stepped after every optimizer step."""
    return LambdaLR(optimizer, lr_factor(settings, total_steps))
