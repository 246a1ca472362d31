"""Training without augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixupe.augmentation import checks
from mixupe.augmentation.loss import MixedLoss, logits_of
from mixupe.augmentation.method import Method, Model, StackPlan, Style
from mixupe.augmentation.targets import check_targets_fit, checked_targets

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class ERM(Method):
    """No augmentation: the criterion on the batch as it is (empirical risk minimisation)."""

    name = "none"
    style = Style("#000000", "o", ":")

    def __call__(
        self,
        model: Model,
        x: Any,
        y: Tensor,
        *,
        generator: torch.Generator | None = None,
    ) -> MixedLoss:
        checks.check_generator(generator)
        y = checked_targets(y)
        logits = logits_of(model(x), len(y))
        check_targets_fit(y, logits)
        loss = self.criterion(logits, y)
        return MixedLoss(loss=loss, logits=logits, mixup_loss=loss, penalty=loss.new_zeros(()))

    def stack_plan(self) -> StackPlan:
        return StackPlan(self)
