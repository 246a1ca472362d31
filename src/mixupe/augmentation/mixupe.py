"""MixupE (Zou et al., UAI 2023, arXiv 2212.13381): mixup plus a penalty on directional derivatives.

Written after the authors' public code, whose loss and gradients the tests reproduce to 1e-10. Two passes in train mode,
the mixed batch first, then the clean batch, so BatchNorm's running statistics move twice a step. `clean_pass` and
`penalty_every` trade that exactness for speed (docs/method.md).
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.draw import draw_lam, draw_perm
from mixupe.augmentation.loss import MixedLoss, in_loss_precision, mixed_criterion
from mixupe.augmentation.mix_point import INPUT, MixPoint, Model
from mixupe.augmentation.mixup import ERM, drawn_mixup_loss, placed

Variant = Literal["v1", "v2", "v3", "v4"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
GRADIENT_VARIANTS = ("v1", "v2")
CleanPass = Literal["separate", "joint"]
CLEAN_PASSES: tuple[CleanPass, ...] = get_args(CleanPass)


def expected_distance(alpha: float) -> float:
    """c = 1 - E[Beta(alpha + 1, alpha)] = alpha / (2 alpha + 1): how far mixup moves along x_mean - x on average."""
    return alpha / (2 * alpha + 1)


def penalty(logits: Tensor, h: Tensor, y: Tensor, variant: str, threshold: float, x_mean: Tensor | None) -> Tensor:
    """R on the clean batch, a 0-d tensor.

    v1 and v2 take the derivative of the logits along x_mean - h by double backward; v3 and v4 replace it by a product
    of logits and residuals, with the opposite sign (docs/method.md). All divide by the full batch size B, also where
    the threshold leaves samples out.

    Args:
        logits: f(h), (B, K).
        h: (B, ...) what was mixed, attached to the graph of logits.
        y: (B,) class indices or (B, K) probabilities.
        variant: one of v1, v2, v3, v4.
        threshold: v1 and v3 keep the terms below it.
        x_mean: shape of one example of h; read by v1 and v2 only.
    """
    probabilities = logits.softmax(dim=1)
    # F.one_hot would read the labels to check their range, which has been done.
    targets = torch.zeros_like(logits).scatter_(1, y[:, None], 1.0) if y.dim() == 1 else y.to(logits.dtype)
    if variant in GRADIENT_VARIANTS:
        assert x_mean is not None
        residual = (probabilities - targets).detach()
        # The gradient of the batch sum: with BatchNorm, samples couple through it.
        (gradient,) = torch.autograd.grad((logits * residual).sum(), h, create_graph=True)
        terms = (gradient * (x_mean - h)).flatten(1).sum(dim=1)
        if variant == "v2":
            return terms.abs().sum() / len(y)
        return _below(terms, threshold).sum() / len(y)
    residual = targets - probabilities
    if variant == "v4":
        return -(logits * residual.detach()).sum() / len(y)
    return -_below((logits * residual).sum(dim=1), threshold).sum() / len(y)


def _below(terms: Tensor, threshold: float) -> Tensor:
    return torch.where(terms < threshold, terms, 0.0)


def combine(mixup_loss: Tensor, penalty: Tensor, weight: float | Tensor) -> Tensor:
    """L = L_mix + weight R, rescaled by sg(|L_mix| / |L|): the gradient of L at the size of mixup's loss.

    weight is eta c. Element by element: losses, penalties and weights of several runs may be tensors of one shape.
    """
    loss = mixup_loss + weight * penalty
    return (mixup_loss.detach().abs() / loss.detach().abs()) * loss


def mixupe_loss(
    model: Model,
    x: Any,
    y: Tensor,
    *,
    lam: float | Tensor,
    perm: Tensor,
    alpha: float,
    eta: float,
    variant: str = "v3",
    threshold: float = 1.0,
    x_mean: Tensor | None = None,
    mix_at: str = INPUT,
    clean_pass: str = "separate",
) -> MixedLoss:
    """MixupE's loss of one batch.

    Args:
        model: f, maps x to logits (B, K).
        x: (B, ...) floating point on the device of y; anything the model takes, if mix_at names a module.
        y: (B,) class indices or (B, K) probabilities.
        lam: one number in [0, 1] for the batch.
        perm: (B,) int64, a permutation of the batch.
        alpha: > 0, of the Beta(alpha, alpha) that lam was drawn from; it scales the penalty.
        eta: >= 0, weight of the penalty (0.001 in the published CIFAR-100 command).
        variant: v3 is the published command; v1 and v2 are the double-backward forms, v4 is v3 with the residual
            detached and no threshold.
        threshold: v1 and v3 leave out samples whose term is not below it.
        x_mean: training-set mean of whatever is mixed, shape of one example; v1 and v2 need it.
        mix_at: `input`, or the dotted name of a module whose input is blended.
        clean_pass: `separate` runs the mixed and then the clean batch, as published. `joint` runs both as one batch of
            2B: fewer, larger kernels; the same numbers for a model without BatchNorm and dropout, while BatchNorm takes
            one set of statistics from both. For mixing at the input only.

    Returns:
        `.penalty` is R before eta and c; `.loss` has the value of `.mixup_loss` where both it and L are positive.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    _check_settings(alpha, eta, variant, threshold, mix_at, clean_pass)
    if variant in GRADIENT_VARIANTS:
        checks.check_x_mean(x_mean, variant)
    checks.check_batch(x, y)
    checks.check_draws(lam, perm, len(y))
    point = MixPoint(model, mix_at)
    return _loss(point, x, y, lam, perm, alpha, eta, variant, threshold, clean_pass, lambda _h: x_mean)


def _loss(
    point: MixPoint,
    x: Any,
    y: Tensor,
    lam: float | Tensor,
    perm: Tensor,
    alpha: float,
    eta: float,
    variant: str,
    threshold: float,
    clean_pass: str,
    mean_for: Callable[[Tensor], Tensor | None],
) -> MixedLoss:
    """The mixed pass, the clean pass, the penalty; `mean_for` gives x_mean for what flowed into the mix point."""
    takes_gradient = variant in GRADIENT_VARIANTS
    lam, perm = placed(lam, perm, x, y)
    if clean_pass == "joint":
        logits, clean_logits, h = point.joint_pass(x, lam, perm, takes_gradient)
    else:
        logits = point.mixed_logits(x, lam, perm)
        clean_logits, h = point.clean_pass(x, len(y), takes_gradient)
    checks.check_targets_fit(y, logits)
    mixup_loss = mixed_criterion(logits, y, lam, perm)
    x_mean = mean_for(h) if takes_gradient else None
    if x_mean is not None:
        x_mean = _fitted_mean(x_mean, h)
    r = penalty(clean_logits, h, y, variant, threshold, x_mean)
    loss = combine(mixup_loss, r, eta * expected_distance(alpha))
    return MixedLoss(loss=loss, logits=logits, mixup_loss=mixup_loss, penalty=r)


def _fitted_mean(x_mean: Tensor, h: Tensor) -> Tensor:
    example = tuple(h.shape[1:])
    if tuple(x_mean.shape) not in (example, (1, *example)):
        raise ValueError(f"x_mean: must have the shape of one example, {example}, got {tuple(x_mean.shape)}")
    return x_mean.reshape(example).to(device=h.device, dtype=h.dtype, non_blocking=True)


def _check_settings(alpha: float, eta: float, variant: str, threshold: float, mix_at: str, clean_pass: str) -> None:
    checks.check_alpha(alpha)
    if not (eta >= 0 and eta != float("inf")):
        raise ValueError(f"eta: must be a finite number >= 0, got {eta!r}")
    if variant not in VARIANTS:
        raise ValueError(f"variant: must be one of {', '.join(VARIANTS)}, got {variant!r}")
    if threshold != threshold:
        raise ValueError(f"threshold: must be a number, got {threshold!r}")
    check_clean_pass(clean_pass, mix_at)


def check_clean_pass(clean_pass: str, mix_at: str) -> None:
    if clean_pass not in CLEAN_PASSES:
        raise ValueError(f"clean_pass: must be one of {', '.join(CLEAN_PASSES)}, got {clean_pass!r}")
    if clean_pass == "joint" and mix_at != INPUT:
        raise ValueError(f"clean_pass: joint needs mix_at {INPUT}; with mix_at {mix_at} only separate is allowed")


class MixupE(ERM):
    """MixupE: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha, eta, variant, threshold, mix_at, clean_pass: see `mixupe_loss`.
        x_mean: training-set mean input, shape of one example; v1 and v2 need it when they mix at the input. Where a
            learned representation is mixed, its running mean (momentum 0.1, as BatchNorm's) is kept here instead.
        penalty_every: k >= 1. The first of every k batches has the penalty, weighted k eta; the others are plain mixup
            in one pass, and their `.penalty` is 0. 1 is the published method. The count of batches is state.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """

    momentum = 0.1

    def __init__(
        self,
        alpha: float = 2.0,
        eta: float = 0.001,
        variant: str = "v3",
        threshold: float = 1.0,
        x_mean: Tensor | None = None,
        mix_at: str = INPUT,
        clean_pass: str = "separate",
        penalty_every: int = 1,
    ) -> None:
        checks.check_penalty_every(penalty_every)
        _check_settings(alpha, eta, variant, threshold, mix_at, clean_pass)
        if mix_at == INPUT and variant in GRADIENT_VARIANTS:
            checks.check_x_mean(x_mean, variant)
        self.alpha = alpha
        self.eta = eta
        self.variant = variant
        self.threshold = threshold
        self.mix_at = mix_at
        self.clean_pass = clean_pass
        self.penalty_every = penalty_every
        self.x_mean = x_mean
        self.batches = 0

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        """The loss of one batch; see `mixupe_loss` for the shapes. lam and perm come from `generator`."""
        checks.check_batch(x, y)
        lam = draw_lam(self.alpha, generator)
        perm = draw_perm(len(y), generator)
        if not self._takes_penalty():
            return drawn_mixup_loss(model, x, y, lam, perm, self.mix_at)
        settings = (self.alpha, self.penalty_every * self.eta, self.variant, self.threshold, self.clean_pass)
        return _loss(MixPoint(model, self.mix_at), x, y, lam, perm, *settings, self._mean_for)

    def pass_over(self, batches: int) -> None:
        self.batches += batches

    def _takes_penalty(self) -> bool:
        if self.penalty_every == 1:  # nothing to count: torch.compile would see a new number in every step
            return True
        self.batches += 1
        return self.batches % self.penalty_every == 1

    @torch.no_grad()
    def _mean_for(self, h: Tensor) -> Tensor:
        if self.mix_at == INPUT:
            assert self.x_mean is not None
            self.x_mean = self.x_mean.to(h.device, non_blocking=True)  # moved at the first batch, then kept there
        else:
            # In float32 or wider: a running mean in bfloat16 would stop moving.
            batch_mean = in_loss_precision(h).mean(dim=0)
            before = batch_mean if self.x_mean is None else self.x_mean.to(batch_mean)
            self.x_mean = torch.lerp(before, batch_mean, self.momentum)
        return self.x_mean

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run must know: the running mean of a learned representation, the count of batches."""
        state = {}
        if self.mix_at != INPUT and self.x_mean is not None:
            state["x_mean"] = self.x_mean
        if self.penalty_every > 1:
            state["batches"] = torch.tensor(self.batches)
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.x_mean = state.get("x_mean", self.x_mean)
        self.batches = int(state.get("batches", 0))
