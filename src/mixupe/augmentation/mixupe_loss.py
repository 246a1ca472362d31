"""MixupE's loss of one batch, for a lam and a perm that are given (`mixupe.augmentation.mixupe` draws them)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Forward, Merge, Model
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, loss_dtype, mixed_criterion
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.mixup import to_device
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, VARIANTS, combine, expected_distance, penalty
from mixupe.augmentation.second_order import check_twice_differentiable
from mixupe.augmentation.targets import check_targets_fit, checked_targets

CLEAN_PASSES = ("separate", "joint")


@dataclass(frozen=True)
class Form:
    """Which loss: the arguments of `mixupe_loss` of these names."""

    alpha: float
    eta: float
    variant: str
    threshold: float
    mix_at: str
    clean_pass: str
    criterion: Criterion
    batch_dim: int | None

    def __post_init__(self) -> None:
        checks.check_alpha(self.alpha)
        checks.check_eta(self.eta)
        if self.variant not in VARIANTS:
            raise ValueError(f"variant: must be one of {', '.join(VARIANTS)}, got {self.variant!r}")
        checks.check_threshold(self.threshold)
        checks.check_mix_at(self.mix_at)
        checks.check_batch_dim(self.batch_dim)
        checks.check_criterion(self.criterion)
        check_clean_pass(self.clean_pass, self.mix_at)

    @property
    def takes_gradient(self) -> bool:
        return self.variant in GRADIENT_VARIANTS


def mixupe_loss(
    model: Model,
    x: Any,
    y: Tensor,
    *,
    lam: float | Tensor,
    perm: Tensor,
    alpha: float,
    eta: float,
    variant: str = "approximate",
    threshold: float = 1.0,
    x_mean: Tensor | None = None,
    mix_at: str = INPUT,
    clean_pass: str = "separate",
    batch_dim: int | None = None,
    criterion: Criterion = cross_entropy,
    forward: Forward | None = None,
    merge: Merge | None = None,
) -> MixedLoss:
    """MixupE's loss of one batch.

    Args:
        model, x, lam, perm, forward, merge: see `mixup_loss`.
        y: (B,) class indices or (B, K) probabilities, of which the penalty speaks whatever the criterion.
        alpha: > 0, of the Beta(alpha, alpha) that lam was drawn from; it scales the penalty.
        eta: >= 0, weight of the penalty (the paper's images: 0.001 mostly, else 0.0001).
        variant: `approximate` (Listing 1) or `exact` (equation 4) of the paper; `v1` to `v4` of the authors' public code.
        threshold: v1 and v3 leave out samples whose term is not below it.
        x_mean: training-set mean of whatever is mixed, shape of one example; exact, v1 and v2 need it.
        mix_at: `input`, or the dotted name of a module whose input is interpolated.
        clean_pass: `separate` runs the mixed and then the clean batch, as published. `joint` runs both as one batch of
            2B: fewer, larger kernels; the same numbers for a model without BatchNorm and dropout, while BatchNorm takes
            one set of statistics from both. For mixing at the input only.
        batch_dim: see `mixup_loss`.
        criterion: see `mixup_loss`, of logits (B, K); the penalty does not depend on it.

    Returns:
        `.penalty` is R before eta and c; `.loss` has the value of `.mixup_loss` where both it and L are positive.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    form = Form(alpha, eta, variant, threshold, mix_at, clean_pass, criterion, batch_dim)
    checks.check_x_mean(x_mean, variant, needed=form.takes_gradient)
    y = checked_targets(y)
    checks.check_draws(lam, perm, len(y))
    weight = eta * expected_distance(alpha)
    return loss_of_form(form, weight, Call.of(model, forward, merge), x, y, lam, perm, lambda _h: x_mean)


def loss_of_form(
    form: Form,
    weight: float | Tensor,
    call: Call,
    x: Any,
    y: Tensor,
    lam: float | Tensor,
    perm: Tensor,
    mean_for: Callable[[Tensor], Tensor | None],
) -> MixedLoss:
    """`mixupe_loss` of arguments that are checked.

    `weight`, 0-d, is the penalty's, eta c; `mean_for` gives x_mean for what flowed into the mix layer, (B, ...).
    """
    if form.takes_gradient:
        check_twice_differentiable(call.model, form.variant)
    layer = MixLayer(call, form.mix_at, form.batch_dim)
    lam, perm = to_device(lam, perm, x, y)
    if form.clean_pass == "joint":
        logits, clean_logits, h = layer.joint_pass(x, lam, perm, form.takes_gradient)
    else:
        logits = layer.mixed_logits(x, lam, perm)
        clean_logits, h = layer.clean_pass(x, len(y), form.takes_gradient)
    check_targets_fit(y, logits)
    mixup_loss = mixed_criterion(logits, y, lam, perm, form.criterion)
    x_mean = mean_for(h) if form.takes_gradient else None
    if x_mean is not None:
        x_mean = _fitted_mean(x_mean, h)
    r = penalty(clean_logits, h, y, form.variant, form.threshold, x_mean)
    loss = combine(mixup_loss, r, weight)
    return MixedLoss(loss, logits, mixup_loss, penalty=r, lam=lam, perm=perm, targets=y)


def _fitted_mean(x_mean: Tensor, h: Tensor) -> Tensor:
    example = tuple(h.shape[1:])
    if tuple(x_mean.shape) not in (example, (1, *example)):
        raise ValueError(f"x_mean: must have the shape of one example, {example}, got {tuple(x_mean.shape)}")
    return x_mean.reshape(example).to(device=h.device, dtype=loss_dtype(h.dtype), non_blocking=True)


def check_clean_pass(clean_pass: str, mix_at: str) -> None:
    if clean_pass not in CLEAN_PASSES:
        raise ValueError(f"clean_pass: must be one of {', '.join(CLEAN_PASSES)}, got {clean_pass!r}")
    if clean_pass == "joint" and mix_at != INPUT:
        raise ValueError(f"clean_pass: joint needs mix_at {INPUT}; with mix_at {mix_at} only separate is allowed")
