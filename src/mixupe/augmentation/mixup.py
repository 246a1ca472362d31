"""Mixup (Zhang et al., ICLR 2018) as a loss function and as a class that draws lam and perm."""

from typing import Any, Literal

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Forward, Merge, Model
from mixupe.augmentation.draw import draw_mix
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, mixed_criterion
from mixupe.augmentation.method import Method, StackPlan, Style, mix_plan
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.targets import checked_targets, is_of_classes, known_targets


def to_device(lam: float | Tensor, perm: Tensor, x: Any, y: Tensor) -> tuple[Tensor, Tensor]:
    """lam, 0-d or (B,), as a tensor in float32 or wider, and perm, both on the device of the batch."""
    like = x if isinstance(x, Tensor) else y
    # Not where torch.set_default_device says: a lam that is drawn on the CPU would go there first, and wait.
    place = lam.device if isinstance(lam, Tensor) else "cpu"
    lam = torch.as_tensor(lam, dtype=torch.float64 if like.dtype == torch.float64 else torch.float32, device=place)
    # A blocking copy to a GPU would wait for all that is queued there.
    return lam.to(y.device, non_blocking=True), perm.to(y.device, non_blocking=True)


def drawn_mixup_loss(
    model: Model,
    x: Any,
    y: Tensor,
    lam: float | Tensor,
    perm: Tensor,
    mix_at: str,
    criterion: Criterion,
    batch_dim: int | None = None,
) -> MixedLoss:
    """`mixup_loss` of a checked batch, for a lam, 0-d or (B,), and a perm (B,) that need no check."""
    lam, perm = to_device(lam, perm, x, y)
    logits = MixLayer(model, mix_at, batch_dim, is_of_classes(criterion)).mixed_logits(x, lam, perm)
    return mixed_loss(logits, y, lam, perm, criterion)


def mixed_loss(logits: Tensor, y: Tensor, lam: Tensor, perm: Tensor, criterion: Criterion) -> MixedLoss:
    """Mixup's loss of the logits (B, K) of an interpolated batch."""
    targets = known_targets(y, logits, criterion)
    loss = mixed_criterion(logits, y, lam, perm, criterion)
    return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=targets)


def mixup_loss(
    model: Model,
    x: Any,
    y: Tensor,
    *,
    lam: float | Tensor,
    perm: Tensor,
    mix_at: str = INPUT,
    batch_dim: int | None = None,
    criterion: Criterion = cross_entropy,
    forward: Forward | None = None,
    merge: Merge | None = None,
) -> MixedLoss:
    """L_mix = lam CE(f(x_mix), y) + (1 - lam) CE(f(x_mix), y[perm]) with x_mix = lam x + (1 - lam) x[perm].

    Args:
        model: f, maps x to logits (B, K), or to an output that holds them: its `logits`, or the one (B, K) tensor of a
            tuple or dict.
        x: (B, ...) floating point on the device of y; anything the model takes, if mix_at names a module.
        y: (B,) class indices or (B, K) probabilities; what else the criterion takes, one row for each example.
        lam: one number in [0, 1] for the batch, or (B,), one for each example.
        perm: (B,) int64, a permutation of the batch.
        mix_at: `input`, or the dotted name of a module whose input is interpolated.
        batch_dim: axis of examples in what is interpolated; None is the first, and refused where that is in doubt.
        criterion: (logits, y) -> a 0-d loss, linear in the target, or one for each example, which are averaged; CE above.
            One that has no classes may compare outputs of any shape (B, ...). With lam (B,) it is one for each example.
        forward: (model, x) -> output, where the model is not called as model(x).
        merge: (x, perm) -> what the mixed pass gets in place of x, for what belongs to both partners, such as a mask.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    checks.check_criterion(criterion)
    y = checked_targets(y, criterion)
    checks.check_draws(lam, perm, len(y))
    return drawn_mixup_loss(Call.of(model, forward, merge), x, y, lam, perm, mix_at, criterion, batch_dim)


class Mixup(Method):
    """Mixup: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha: > 0.
        mix_at: `input`, or the dotted name of a module whose input is interpolated.
        per_sample: draw a lam for each example instead of one for the batch.
        probability: that a batch is mixed, in [0, 1]; the others are trained on as they are (lam 1).
        batch_dim, criterion: see `mixup_loss`.

    Raises:
        ValueError: an argument is out of range.
    """

    name = "mixup"
    style = Style("#0072B2", "s", "--")
    later = ("per_sample", "probability")

    def __init__(
        self,
        alpha: float = 1.0,
        mix_at: str = INPUT,
        criterion: Criterion = cross_entropy,
        per_sample: bool = False,
        probability: float = 1.0,
        batch_dim: int | None = None,
    ) -> None:
        checks.check_alpha(alpha)
        checks.check_mix_at(mix_at)
        checks.check_mixing(per_sample, probability, batch_dim)
        super().__init__(criterion)
        self.alpha = alpha
        self.mix_at = mix_at
        self.per_sample, self.probability, self.batch_dim = per_sample, probability, batch_dim

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        return self._mixed(call, x, y, *draw_mix(len(y), self.alpha, generator, self.per_sample, self.probability))

    def _mixed(self, call: Call, x: Any, y: Tensor, lam: Tensor, perm: Tensor) -> MixedLoss:
        return drawn_mixup_loss(call, x, y, lam, perm, self.mix_at, self.criterion, self.batch_dim)

    def obstacle(self, to: Literal["stack", "compile", "processes"]) -> str | None:
        return self._not_at_default(*self.later) if to == "stack" else None

    def stack_plan(self) -> StackPlan:
        return mix_plan(self.alpha, self._mixed)
