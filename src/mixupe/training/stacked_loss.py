"""The losses of several runs of one method at once, made of the same functions as the losses of one run."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.method import StackPlan, stack_plan
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
        losses = _criteria(mixed, y)
        if self.mix_at:
            losses = lam * losses + (1 - lam) * _criteria(mixed, y.gather(1, perm))
        if not len(self._weight):
            return losses, losses.new_zeros(len(losses))
        weight, x_mean = self._weight, self._x_mean
        if members is not None:
            weight, x_mean = weight[members], None if x_mean is None else x_mean[members]
        penalties = penalty(clean, x, y, self._variant, self._threshold, x_mean)
        return combine(losses, penalties, weight), penalties.detach()


def _plan(method: Augmentation) -> StackPlan:
    plan = stack_plan(method)
    if plan is None:
        raise TypeError(f"a stack does not know the method {type(method).__name__}")
    return plan


def _criteria(logits: Tensor, y: Tensor) -> Tensor:
    """`cross_entropy` of each run, (S,), of logits (S, B, K) and classes (S, B)."""
    log_p = logits.log_softmax(dim=2)
    if log_p.device.type == "cpu":
        # Run by run: the mean over a batch adds up in an order of its own, which is that of a single run here.
        return torch.stack([F.nll_loss(*one) for one in zip(log_p.unbind(), y.unbind(), strict=True)])
    return F.nll_loss(log_p.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(dim=1)
