"""Mixup (Zhang et al., ICLR 2018) with label smoothing (Szegedy et al., CVPR 2016).

Does mixup do more than make its targets soft? Both together are what common image recipes train with.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Forward, Merge, Model
from mixupe.augmentation.draw import draw_mix, draw_of, lam_of
from mixupe.augmentation.generator import of_this_process
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, mixed_criterion
from mixupe.augmentation.method import Method, StackPlan, Style
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.mixup import to_device
from mixupe.augmentation.targets import check_targets_fit, checked_targets


def smoothed(criterion: Criterion, smoothing: float) -> Criterion:
    """(1 - smoothing) criterion(logits, y) + smoothing criterion(logits, all classes alike)."""

    def of(logits: Tensor, y: Tensor) -> Tensor:
        alike = torch.full_like(logits, 1 / logits.shape[1])
        return (1 - smoothing) * criterion(logits, y) + smoothing * criterion(logits, alike)

    return of


class MixupSmoothing(Method):
    """Mixup whose targets are smoothed: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha: > 0.
        smoothing: share of each target that goes to all classes alike, in [0, 1); 0 is mixup.
        mix_at: `input`, or the dotted name of a module whose input is interpolated.
        criterion: see `mixup_loss`; of class indices and probabilities.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    name = "mixup_smoothing"
    style = Style("#56B4E9", "X", "--")

    def __init__(
        self, alpha: float = 1.0, smoothing: float = 0.1, mix_at: str = INPUT, criterion: Criterion = cross_entropy
    ) -> None:
        checks.check_alpha(alpha)
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing: must lie in [0, 1), got {smoothing!r}")
        checks.check_mix_at(mix_at)
        super().__init__(criterion)
        self.alpha, self.smoothing, self.mix_at = alpha, smoothing, mix_at

    def __call__(
        self,
        model: Model,
        x: Any,
        y: Tensor,
        *,
        generator: torch.Generator | None = None,
        forward: Forward | None = None,
        merge: Merge | None = None,
    ) -> MixedLoss:
        """The loss of one batch; see `mixup_loss` for the arguments. lam and perm come from `generator`."""
        checks.check_generator(generator)
        call = Call.of(model, forward, merge)
        y = checked_targets(y)
        lam, perm = draw_mix(len(y), self.alpha, of_this_process(generator))
        return self._loss(call, x, y, lam, perm)

    def _loss(self, call: Call, x: Any, y: Tensor, lam: Tensor, perm: Tensor) -> MixedLoss:
        lam, perm = to_device(lam, perm, x, y)
        logits = MixLayer(call, self.mix_at).mixed_logits(x, lam, perm)
        check_targets_fit(y, logits)
        loss = mixed_criterion(logits, y, lam, perm, smoothed(self.criterion, self.smoothing))
        return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=y)

    def stack_plan(self) -> StackPlan:
        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, alpha = drawn
            return self._loss(Call.of(model), x, y, lam_of(uniform, gamma, alpha), perm)

        return StackPlan(loss, draw_of(self.alpha), (torch.tensor(self.alpha, dtype=torch.float64),))
