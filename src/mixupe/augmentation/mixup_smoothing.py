"""Mixup (Zhang et al., ICLR 2018) with label smoothing (Szegedy et al., CVPR 2016).

Does mixup do more than make its targets soft? Both together are what common image recipes train with.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.draw import draw_mix
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, mixed_criterion
from mixupe.augmentation.method import Method, StackPlan, Style, mix_plan
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.mixup import to_device
from mixupe.augmentation.targets import check_targets_fit


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
    of_classes = True

    def __init__(
        self, alpha: float = 1.0, smoothing: float = 0.1, mix_at: str = INPUT, criterion: Criterion = cross_entropy
    ) -> None:
        checks.check_alpha(alpha)
        checks.check_share("smoothing", smoothing)
        checks.check_mix_at(mix_at)
        super().__init__(criterion)
        self.alpha, self.smoothing, self.mix_at = alpha, smoothing, mix_at

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        return self._mixed(call, x, y, *draw_mix(len(y), self.alpha, generator))

    def _mixed(self, call: Call, x: Any, y: Tensor, lam: Tensor, perm: Tensor) -> MixedLoss:
        lam, perm = to_device(lam, perm, x, y)
        logits = MixLayer(call, self.mix_at).mixed_logits(x, lam, perm)
        check_targets_fit(y, logits)
        loss = mixed_criterion(logits, y, lam, perm, smoothed(self.criterion, self.smoothing))
        return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=y)

    def stack_plan(self) -> StackPlan:
        return mix_plan(self.alpha, self._mixed)
