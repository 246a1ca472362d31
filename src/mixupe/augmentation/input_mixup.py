"""Inputs mixed, labels not (Wang et al., CVPR 2023, "On the Pitfall of Mixup for Uncertainty Calibration").

What is left of mixup without its soft targets: the inputs are exactly mixup's with the same draws; the target is the label
of whichever example has the greater share.
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
from mixupe.augmentation.targets import checked_targets, is_of_classes, known_targets


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
        y = checked_targets(y, self.criterion)
        lam, perm = draw_mix(len(y), self.alpha, of_this_process(generator))
        return self._loss(call, x, y, lam, perm)

    def _loss(self, call: Call, x: Any, y: Tensor, lam: Tensor, perm: Tensor) -> MixedLoss:
        lam, perm = to_device(lam, perm, x, y)
        logits = MixLayer(call, self.mix_at, of_classes=is_of_classes(self.criterion)).mixed_logits(x, lam, perm)
        targets = known_targets(y, logits, self.criterion)
        loss = mixed_criterion(logits, y, nearer(lam), perm, self.criterion)
        return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=targets)

    def stack_plan(self) -> StackPlan:
        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, alpha = drawn
            return self._loss(Call.of(model), x, y, lam_of(uniform, gamma, alpha), perm)

        return StackPlan(loss, draw_of(self.alpha), (torch.tensor(self.alpha, dtype=torch.float64),))
