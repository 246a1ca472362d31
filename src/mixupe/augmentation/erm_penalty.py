"""Training without mixing but with MixupE's penalty: "ERM + additional loss" of the paper's ablation (Table 7)."""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Forward, Model
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, logits_of, plain_criterion
from mixupe.augmentation.method import Method, StackPlan
from mixupe.augmentation.penalty import combine, expected_distance, penalty
from mixupe.augmentation.targets import check_targets_fit, checked_targets


def erm_penalty_loss(
    model: Model,
    x: Any,
    y: Tensor,
    *,
    alpha: float,
    eta: float,
    criterion: Criterion = cross_entropy,
    forward: Forward | None = None,
) -> MixedLoss:
    """criterion(f(x), y) + eta c R with the approximate R, rescaled as MixupE's loss is; one pass.

    Args:
        model: f, maps x to logits (B, K).
        x: anything the model takes.
        y: (B,) class indices or (B, K) probabilities.
        alpha: > 0; c = alpha / (2 alpha + 1) scales the penalty as in MixupE with that alpha.
        eta: >= 0, weight of the penalty.
        criterion, forward: see `mixup_loss`.

    Returns:
        `.mixup_loss` is the loss without penalty.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    checks.check_alpha(alpha)
    checks.check_eta(eta)
    checks.check_criterion(criterion)
    return _loss(Call.of(model, forward), x, y, eta * expected_distance(alpha), criterion)


def _loss(call: Call, x: Any, y: Tensor, weight: float | Tensor, criterion: Criterion) -> MixedLoss:
    y = checked_targets(y)
    logits = logits_of(call(x), len(y))
    check_targets_fit(y, logits)
    base_loss = plain_criterion(logits, y, criterion)
    r = penalty(logits, logits, y, "approximate", 0.0, None)
    loss = combine(base_loss, r, weight)
    return MixedLoss(loss, logits, mixup_loss=base_loss, penalty=r, targets=y)


class ERMPenalty(Method):
    """Plain loss plus MixupE's penalty; draws nothing.

    Args:
        alpha, eta, criterion: see `erm_penalty_loss`.

    Raises:
        ValueError: alpha or eta is out of range.
    """

    name = "erm_penalty"
    draws = False
    of_classes = True

    def __init__(self, alpha: float = 1.0, eta: float = 0.001, criterion: Criterion = cross_entropy) -> None:
        checks.check_alpha(alpha)
        checks.check_eta(eta)
        super().__init__(criterion)
        self.alpha = alpha
        self.eta = eta

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:  # noqa: ARG002
        return erm_penalty_loss(call, x, y, alpha=self.alpha, eta=self.eta, criterion=self.criterion)

    def stack_plan(self) -> StackPlan:
        def loss(model: Model, x: Any, y: Tensor, weight: Tensor) -> MixedLoss:
            return _loss(Call.of(model), x, y, weight, self.criterion)

        return StackPlan(loss, constants=(torch.tensor(self.eta * expected_distance(self.alpha)),))
