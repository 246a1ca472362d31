"""The losses of several runs of one method at once, made of the same functions as the losses of one run."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.input_mixup import nearer
from mixupe.augmentation.loss import cross_entropy
from mixupe.augmentation.method import StackPlan, stack_plan
from mixupe.augmentation.mixup_smoothing import smoothed
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, combine, penalty


class StackedLoss:
    """One method, with an alpha and an eta for each of S runs.

    Args:
        methods: of the S runs, with a stack plan; they differ in alpha and eta at most.
        device: of the losses.

    Attributes:
        alphas: of Beta(alpha, alpha), one a run; empty where nothing is mixed.
        mix_at: mix points among which each batch of each run chooses one.
        passes: of a step through the network, in order: whether it is a mixed one.
        joint: whether the mixed pass goes over the blended batch followed by the batch as it is.
        takes_gradient: whether the penalty differentiates the logits by the inputs.
    """

    def __init__(self, methods: Sequence[Augmentation], device: torch.device) -> None:
        plans = [_plan(method) for method in methods]
        plan = plans[0]
        self.alphas: list[float] = [one.alpha for one in plans if one.alpha is not None]
        self.mix_at: tuple[str, ...] = plan.mix_at
        self.passes: tuple[bool, ...] = plan.passes
        self.joint = plan.joint
        beside = [one.beside for one in plans if one.beside is not None]
        self._beside = torch.tensor(beside, device=device)
        self._nearer_label = plan.nearer_label
        self._smoothing = plan.smoothing
        weights = [one.weight for one in plans if one.weight is not None]
        self._weight = torch.tensor(weights, device=device)
        self._variant, self._threshold = plan.variant, plan.threshold
        self._x_mean: Tensor | None = None
        self.takes_gradient = plan.variant in GRADIENT_VARIANTS
        if self.takes_gradient:
            means = [one.x_mean for one in plans if one.x_mean is not None]
            self._x_mean = torch.stack(means).to(device).unsqueeze(1)

    def __call__(
        self, passes: Sequence[Tensor], x: Tensor, y: Tensor, lam: Tensor, perm: Tensor, members: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Losses (S,) and penalties (S,).

        Args:
            passes: logits of each of `self.passes`: (S, B, K), or (S, 2B, K) of a joint pass.
            x: (S, B, ...) the batch as it is, in the graph of the passes where `takes_gradient`.
            y: (S, B) class indices.
            lam, perm: (S,) and (S, B); not read where nothing is mixed.
            members: (S,) int64 where these are some of the runs only.
        """
        mixed, clean = passes[0].tensor_split(2, dim=1) if self.joint else (passes[0], passes[-1])
        losses = _criteria(mixed, y, self._smoothing)
        if self.mix_at:
            lam = nearer(lam) if self._nearer_label else lam
            losses = lam * losses + (1 - lam) * _criteria(mixed, y.gather(1, perm), self._smoothing)
        if len(self._beside):
            losses = _criteria(clean, y) + _of(members, self._beside) * losses
        if not len(self._weight):
            return losses, losses.new_zeros(len(losses))
        weight = _of(members, self._weight)
        x_mean = None if self._x_mean is None else _of(members, self._x_mean)
        penalties = penalty(clean, x, y, self._variant, self._threshold, x_mean)
        return combine(losses, penalties, weight), penalties.detach()


def _plan(method: Augmentation) -> StackPlan:
    plan = stack_plan(method)
    if plan is None:
        raise TypeError(f"a stack does not know the method {type(method).__name__}")
    return plan


def _of(members: Tensor | None, values: Tensor) -> Tensor:
    return values if members is None else values[members]


def _criteria(logits: Tensor, y: Tensor, smoothing: float = 0.0) -> Tensor:
    """`cross_entropy` of each run, (S,), of logits (S, B, K) and classes (S, B)."""
    if smoothing:
        criterion = smoothed(cross_entropy, smoothing)
        return torch.stack([criterion(*one) for one in zip(logits.unbind(), y.unbind(), strict=True)])
    log_p = logits.log_softmax(dim=2)
    if log_p.device.type == "cpu":
        # Run by run: the mean over a batch adds up in an order of its own, which is that of a single run here.
        return torch.stack([F.nll_loss(*one) for one in zip(log_p.unbind(), y.unbind(), strict=True)])
    return F.nll_loss(log_p.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(dim=1)
