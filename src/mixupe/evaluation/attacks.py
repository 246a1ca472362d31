"""Adversarial examples in an l-infinity ball around the data: FGSM and PGD.

FGSM (Goodfellow et al., ICLR 2015) goes one step to the ball's corner along the sign of the gradient of the cross-entropy.
PGD (Madry et al., ICLR 2018) starts anywhere in the ball and takes several steps, each followed by a projection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation.output import logits_of
from mixupe.data.base import Split

# Of PGD; a step is 2.5 / STEPS of the ball's radius, so that any point of the ball can be reached from any other.
STEPS = 10
STEP_SHARE = 2.5 / STEPS

Model = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Ball:
    """The ball of radius 1 in the data's own units, and what inputs can be, in the units in which a model sees them.

    Attributes:
        unit: one unit of the data, float. Images, (C, 1, 1): the whole range of a pixel; all else, 0-d: a standard deviation
            of the training part, or whatever the inputs were scaled by.
        low, high: of possible inputs, shaped as `unit`.
        radii: that are tried, in units of the data.
    """

    unit: Tensor
    low: Tensor
    high: Tensor
    radii: tuple[float, ...]


def ball_of(split: Split, domain: str) -> Ball:
    """Of images (as the model sees them, normalised by the split's `mean` and `std`), or of any other inputs."""
    if domain == "images":
        source: Any = split
        mean, std = source.mean[:, None, None], source.std[:, None, None]
        return Ball(1 / std, (0 - mean) / std, (1 - mean) / std, (1 / 255, 2 / 255, 4 / 255, 8 / 255))
    infinity = torch.tensor(float("inf"))
    return Ball(torch.ones(()), -infinity, infinity, (0.01, 0.03, 0.1, 0.3))


def attacked(
    model: Model,
    x: Tensor,
    y: Tensor,
    ball: Ball,
    radius: float,
    kind: Literal["fgsm", "pgd"],
    generator: torch.Generator | None = None,
) -> Tensor:
    """x (B, ...) moved by at most `radius` units of the data in each number, to where the loss is greater.

    Args:
        model: in evaluation mode, maps x to logits (B, K).
        x: float.
        y: (B,) class indices.
        ball: units and range.
        radius: >= 0.
        kind: `pgd` keeps, for each example, where the loss was greatest of its start and its steps.
        generator: on the CPU; draws where PGD starts.
    """
    reach, low, high = (tensor.to(x) for tensor in (radius * ball.unit, ball.low, ball.high))
    if kind == "fgsm":
        gradient, _ = _gradient(model, x, y)
        return (x + reach * gradient.sign()).clamp(low, high)
    start = 2 * torch.rand(x.shape, generator=generator).to(x) - 1
    now = (x + reach * start).clamp(low, high)
    worst, worst_loss = x, torch.full((len(x),), -float("inf"), device=x.device)
    for _ in range(STEPS):
        gradient, losses = _gradient(model, now, y)
        worst, worst_loss = _greater(worst, worst_loss, now, losses)
        now = now + STEP_SHARE * reach * gradient.sign()
        now = torch.minimum(torch.maximum(now, x - reach), x + reach).clamp(low, high)
    _, losses = _gradient(model, now, y)
    return _greater(worst, worst_loss, now, losses)[0]


def _greater(x: Tensor, losses: Tensor, other: Tensor, other_losses: Tensor) -> tuple[Tensor, Tensor]:
    """Of each example the one with the greater loss."""
    better = other_losses > losses
    return torch.where(better.view(-1, *[1] * (x.dim() - 1)), other, x), torch.where(better, other_losses, losses)


def _gradient(model: Model, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Of the cross-entropy by x, as x; and the cross-entropy of each example, (B,)."""
    with torch.enable_grad():
        inputs = x.detach().requires_grad_()
        losses = F.cross_entropy(logits_of(model(inputs), len(y)).float(), y, reduction="none")
        (gradient,) = torch.autograd.grad(losses.sum(), inputs)
    return gradient, losses.detach()
