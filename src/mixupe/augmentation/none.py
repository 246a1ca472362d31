"""Training without augmentation."""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Forward, Merge, Model
from mixupe.augmentation.loss import Criterion, MixedLoss, logits_of, plain_criterion
from mixupe.augmentation.method import Method, StackPlan, Style
from mixupe.augmentation.targets import checked_targets, is_of_classes, known_targets


def plain_loss(call: Call, x: Any, y: Tensor, criterion: Criterion) -> MixedLoss:
    """The criterion of one pass over a checked batch in which nothing is mixed."""
    logits = logits_of(call(x), len(y), is_of_classes(criterion))
    targets = known_targets(y, logits, criterion)
    loss = plain_criterion(logits, y, criterion)
    return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), targets=targets)


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
        forward: Forward | None = None,
        merge: Merge | None = None,
    ) -> MixedLoss:
        """The loss of one batch; see `mixup_loss` for the arguments. Nothing is drawn or merged."""
        checks.check_generator(generator)
        y = checked_targets(y, self.criterion)
        return plain_loss(Call.of(model, forward, merge), x, y, self.criterion)

    def stack_plan(self) -> StackPlan:
        return StackPlan(self)
