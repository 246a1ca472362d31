"""Inputs mixed, labels not (Wang et al., CVPR 2023, "On the Pitfall of Mixup for Uncertainty Calibration").

What is left of mixup without its soft targets: the inputs are exactly mixup's with the same draws; the target is the label
of whichever example has the greater share.
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
from mixupe.augmentation.targets import is_of_classes, known_targets


def nearer(lam: Tensor) -> Tensor:
    """lam for the labels: 1 where the example itself has at least half, else 0, in which its partner's label counts."""
    return (lam >= 0.5).to(lam.dtype)


class InputMixup(Method):
    """Mixup of the inputs alone: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha: > 0.
        mix_at: `input`, or the dotted name of a module whose input is interpolated.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: alpha is not a finite number > 0.
    """

    name = "input_mixup"
    style = Style("#332288", "<", ":")

    def __init__(self, alpha: float = 1.0, mix_at: str = INPUT, criterion: Criterion = cross_entropy) -> None:
        checks.check_alpha(alpha)
        checks.check_mix_at(mix_at)
        super().__init__(criterion)
        self.alpha, self.mix_at = alpha, mix_at

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        return self._mixed(call, x, y, *draw_mix(len(y), self.alpha, generator))

    def _mixed(self, call: Call, x: Any, y: Tensor, lam: Tensor, perm: Tensor) -> MixedLoss:
        lam, perm = to_device(lam, perm, x, y)
        logits = MixLayer(call, self.mix_at, of_classes=is_of_classes(self.criterion)).mixed_logits(x, lam, perm)
        targets = known_targets(y, logits, self.criterion)
        loss = mixed_criterion(logits, y, nearer(lam), perm, self.criterion)
        return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=targets)

    def stack_plan(self) -> StackPlan:
        return mix_plan(self.alpha, self._mixed)
