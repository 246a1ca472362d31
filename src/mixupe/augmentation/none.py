"""Training without augmentation."""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation.call import Call
from mixupe.augmentation.loss import Criterion, MixedLoss, logits_of, plain_criterion
from mixupe.augmentation.method import Method, StackPlan, Style
from mixupe.augmentation.targets import is_of_classes, known_targets


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
    draws = False

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:  # noqa: ARG002
        return plain_loss(call, x, y, self.criterion)

    def stack_plan(self) -> StackPlan:
        return StackPlan(self)
