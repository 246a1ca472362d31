"""Mixup (Zhang et al., ICLR 2018) as a loss function and as a class that draws lam and perm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixupe.augmentation import checks
from mixupe.augmentation.draw import draw_lam, draw_of, draw_perm, lam_of
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, mixed_criterion
from mixupe.augmentation.method import INPUT, Method, Model, StackPlan, Style
from mixupe.augmentation.targets import check_targets_fit, checked_targets

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def placed(lam: float | Tensor, perm: Tensor, x: Any, y: Tensor) -> tuple[Tensor, Tensor]:
    """lam as a 0-d tensor in float32 or wider, and perm, both on the device of the batch."""
    import torch

    like = x if isinstance(x, torch.Tensor) else y
    lam = torch.as_tensor(lam, dtype=torch.float64 if like.dtype == torch.float64 else torch.float32)
    # A blocking copy to a GPU would wait for all that is queued there.
    return lam.to(y.device, non_blocking=True), perm.to(y.device, non_blocking=True)


def drawn_mixup_loss(
    model: Model, x: Any, y: Tensor, lam: float | Tensor, perm: Tensor, mix_at: str, criterion: Criterion
) -> MixedLoss:
    """`mixup_loss` of a checked batch, for a lam and a perm that need no check."""
    from mixupe.augmentation.mix_point import MixPoint

    lam, perm = placed(lam, perm, x, y)
    return mixed_loss(MixPoint(model, mix_at).mixed_logits(x, lam, perm), y, lam, perm, criterion)


def mixed_loss(logits: Tensor, y: Tensor, lam: Tensor, perm: Tensor, criterion: Criterion) -> MixedLoss:
    """Mixup's loss of the logits (B, K) of a blended batch."""
    check_targets_fit(y, logits)
    loss = mixed_criterion(logits, y, lam, perm, criterion)
    return MixedLoss(loss=loss, logits=logits, mixup_loss=loss, penalty=loss.new_zeros(()))


def mixup_loss(
    model: Model,
    x: Any,
    y: Tensor,
    *,
    lam: float | Tensor,
    perm: Tensor,
    mix_at: str = INPUT,
    criterion: Criterion = cross_entropy,
) -> MixedLoss:
    """L_mix = lam CE(f(x_mix), y) + (1 - lam) CE(f(x_mix), y[perm]) with x_mix = lam x + (1 - lam) x[perm].

    Args:
        model: f, maps x to logits (B, K).
        x: (B, ...) floating point on the device of y; anything the model takes, if mix_at names a module.
        y: (B,) class indices or (B, K) probabilities.
        lam: one number in [0, 1] for the batch.
        perm: (B,) int64, a permutation of the batch.
        mix_at: `input`, or the dotted name of a module whose input is blended.
        criterion: (logits, y) -> 0-d loss, linear in the target; CE above.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    checks.check_criterion(criterion)
    y = checked_targets(y)
    checks.check_draws(lam, perm, len(y))
    return drawn_mixup_loss(model, x, y, lam, perm, mix_at, criterion)


class Mixup(Method):
    """Mixup: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha: > 0.
        mix_at: `input`, or the dotted name of a module whose input is blended.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: alpha is not a finite number > 0.
    """

    name = "mixup"
    style = Style("#0072B2", "s", "--")

    def __init__(self, alpha: float = 1.0, mix_at: str = INPUT, criterion: Criterion = cross_entropy) -> None:
        checks.check_alpha(alpha)
        checks.check_mix_at(mix_at)
        super().__init__(criterion)
        self.alpha = alpha
        self.mix_at = mix_at

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        """The loss of one batch; see `mixup_loss` for the shapes. lam and perm come from `generator`."""
        checks.check_generator(generator)
        y = checked_targets(y)
        lam = draw_lam(self.alpha, generator)
        perm = draw_perm(len(y), generator)
        return drawn_mixup_loss(model, x, y, lam, perm, self.mix_at, self.criterion)

    def stack_plan(self) -> StackPlan:
        import torch

        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, alpha = drawn
            return drawn_mixup_loss(model, x, y, lam_of(uniform, gamma, alpha), perm, self.mix_at, self.criterion)

        return StackPlan(loss, draw_of(self.alpha), (torch.tensor(self.alpha, dtype=torch.float64),))
