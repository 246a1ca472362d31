"""MixupE (Zou et al., UAI 2023, arXiv 2212.13381): mixup plus a penalty on directional derivatives.

The default is the paper's own loss (equations 5 and 7 to 9, Listing 1 of its supplement); v1 to v4 are those of the
authors' public code (docs/method.md). The tests reproduce all of them to 1e-10, with every gradient. Two passes in train
mode, the mixed batch first, then the clean batch, so BatchNorm's running statistics move twice a step. `clean_pass` and
`penalty_every` trade that exactness for speed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mixupe.augmentation import checks
from mixupe.augmentation.draw import draw_lam, draw_of, draw_perm, lam_of
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, in_loss_precision, loss_dtype, mixed_criterion
from mixupe.augmentation.method import INPUT, Method, Model, StackPlan, Style
from mixupe.augmentation.mixup import drawn_mixup_loss, placed
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, VARIANTS, combine, expected_distance, penalty
from mixupe.augmentation.targets import check_targets_fit, checked_targets

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CLEAN_PASSES = ("separate", "joint")


@dataclass(frozen=True)
class _Form:
    """Which loss: the arguments of `mixupe_loss` of these names."""

    alpha: float
    eta: float
    variant: str
    threshold: float
    mix_at: str
    clean_pass: str
    criterion: Criterion

    def __post_init__(self) -> None:
        checks.check_alpha(self.alpha)
        checks.check_eta(self.eta)
        if self.variant not in VARIANTS:
            raise ValueError(f"variant: must be one of {', '.join(VARIANTS)}, got {self.variant!r}")
        checks.check_threshold(self.threshold)
        checks.check_mix_at(self.mix_at)
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
    criterion: Criterion = cross_entropy,
) -> MixedLoss:
    """MixupE's loss of one batch.

    Args:
        model: f, maps x to logits (B, K).
        x: (B, ...) floating point on the device of y; anything the model takes, if mix_at names a module.
        y: (B,) class indices or (B, K) probabilities.
        lam: one number in [0, 1] for the batch.
        perm: (B,) int64, a permutation of the batch.
        alpha: > 0, of the Beta(alpha, alpha) that lam was drawn from; it scales the penalty.
        eta: >= 0, weight of the penalty (the paper's images: 0.001 mostly, else 0.0001).
        variant: `approximate` (Listing 1) or `exact` (equation 4) of the paper; `v1` to `v4` of the authors' public code.
        threshold: v1 and v3 leave out samples whose term is not below it.
        x_mean: training-set mean of whatever is mixed, shape of one example; exact, v1 and v2 need it.
        mix_at: `input`, or the dotted name of a module whose input is blended.
        clean_pass: `separate` runs the mixed and then the clean batch, as published. `joint` runs both as one batch of
            2B: fewer, larger kernels; the same numbers for a model without BatchNorm and dropout, while BatchNorm takes
            one set of statistics from both. For mixing at the input only.
        criterion: see `mixup_loss`; the penalty does not depend on it.

    Returns:
        `.penalty` is R before eta and c; `.loss` has the value of `.mixup_loss` where both it and L are positive.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    form = _Form(alpha, eta, variant, threshold, mix_at, clean_pass, criterion)
    checks.check_x_mean(x_mean, variant, needed=form.takes_gradient)
    y = checked_targets(y)
    checks.check_draws(lam, perm, len(y))
    return _loss(form, form.eta * expected_distance(alpha), model, x, y, lam, perm, lambda _h: x_mean)


def _loss(
    form: _Form,
    weight: float | Tensor,
    model: Model,
    x: Any,
    y: Tensor,
    lam: float | Tensor,
    perm: Tensor,
    mean_for: Callable[[Tensor], Tensor | None],
) -> MixedLoss:
    """The mixed pass, the clean pass, the penalty, weighted eta c; `mean_for` gives x_mean for what flowed into the mix
    point.
    """
    from mixupe.augmentation.mix_point import MixPoint
    from mixupe.augmentation.second_order import check_twice_differentiable

    if form.takes_gradient:
        check_twice_differentiable(model, form.variant)
    point = MixPoint(model, form.mix_at)
    lam, perm = placed(lam, perm, x, y)
    if form.clean_pass == "joint":
        logits, clean_logits, h = point.joint_pass(x, lam, perm, form.takes_gradient)
    else:
        logits = point.mixed_logits(x, lam, perm)
        clean_logits, h = point.clean_pass(x, len(y), form.takes_gradient)
    check_targets_fit(y, logits)
    mixup_loss = mixed_criterion(logits, y, lam, perm, form.criterion)
    x_mean = mean_for(h) if form.takes_gradient else None
    if x_mean is not None:
        x_mean = _fitted_mean(x_mean, h)
    r = penalty(clean_logits, h, y, form.variant, form.threshold, x_mean)
    loss = combine(mixup_loss, r, weight)
    return MixedLoss(loss=loss, logits=logits, mixup_loss=mixup_loss, penalty=r)


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


class MixupE(Method):
    """MixupE: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha, eta, variant, threshold, mix_at, clean_pass, criterion: see `mixupe_loss`. The defaults are the paper's.
        x_mean: training-set mean input, shape of one example; exact, v1 and v2 need it to mix at the input. Where a
            learned representation is mixed, its running mean (momentum 0.1, as BatchNorm's) is kept here instead.
        penalty_every: k >= 1. The first of every k batches has the penalty, weighted k eta; the others are plain mixup
            in one pass, and their `.penalty` is 0. 1 is the published method. The count of batches is state.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """

    name = "mixupe"
    style = Style("#D55E00", "D", "-")
    later = ("clean_pass", "penalty_every")
    momentum = 0.1

    def __init__(
        self,
        alpha: float = 1.0,
        eta: float = 0.001,
        variant: str = "approximate",
        threshold: float = 1.0,
        x_mean: Tensor | None = None,
        mix_at: str = INPUT,
        clean_pass: str = "separate",
        penalty_every: int = 1,
        criterion: Criterion = cross_entropy,
    ) -> None:
        super().__init__(criterion)
        checks.check_penalty_every(penalty_every)
        self.alpha = alpha
        self.eta = eta
        self.variant = variant
        self.threshold = threshold
        self.mix_at = mix_at
        self.clean_pass = clean_pass
        checks.check_x_mean(x_mean, variant, needed=self._form().takes_gradient and mix_at == INPUT)
        self.penalty_every = penalty_every
        self.x_mean = x_mean
        if penalty_every > 1:
            self.batches.zero_()  # made here, before a step is compiled

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        """The loss of one batch; see `mixupe_loss` for the shapes. lam and perm come from `generator`."""
        checks.check_generator(generator)
        y = checked_targets(y)
        form = self._form()
        lam = draw_lam(form.alpha, generator)
        perm = draw_perm(len(y), generator)
        if not self._takes_penalty():
            return drawn_mixup_loss(model, x, y, lam, perm, form.mix_at, form.criterion)
        weight = self.penalty_every * form.eta * expected_distance(form.alpha)
        return _loss(form, weight, model, x, y, lam, perm, self._mean_for)

    @cached_property
    def batches(self) -> Tensor:
        """How many there have been, 0-d int64 on the CPU; as a number it would make a compiled step recompile for each."""
        import torch

        return torch.zeros((), dtype=torch.int64, device="cpu")

    def _form(self) -> _Form:
        """Of the attributes as they are now: a loop may change eta or alpha between batches."""
        settings = (self.alpha, self.eta, self.variant, self.threshold, self.mix_at, self.clean_pass)
        return _Form(*settings, self.criterion)

    def pass_over(self, batches: int) -> None:
        self.batches += batches

    def obstacle(self, to: Literal["stack", "compile", "processes"]) -> str | None:
        takes_gradient = self._form().takes_gradient
        if to == "stack" and self.penalty_every != 1:
            return "augmentation.penalty_every is not at its default"
        if to == "stack" and self.mix_at != INPUT:
            return f"augmentation.mix_at of mixupe is {self.mix_at}"
        if to == "compile" and takes_gradient:
            return (
                f"augmentation.variant={self.variant}, whose double backward torch.compile does not support; allowed are"
                " approximate, v3 and v4"
            )
        if to == "processes" and takes_gradient and self.mix_at != INPUT:
            return (
                f"augmentation.variant={self.variant} with mix_at={self.mix_at}, which keeps a running mean from one"
                " micro-batch to the next; allowed are approximate, v3 and v4, or mix_at=input"
            )
        return None

    def stack_plan(self) -> StackPlan:
        import torch

        form = self._form()

        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, alpha, weight, *x_mean = drawn
            lam = lam_of(uniform, gamma, alpha)
            return _loss(form, weight, model, x, y, lam, perm, lambda _h: x_mean[0])

        weight = torch.tensor(form.eta * expected_distance(form.alpha))
        means = () if self.x_mean is None else (self.x_mean,)
        return StackPlan(loss, draw_of(form.alpha), (torch.tensor(form.alpha, dtype=torch.float64), weight, *means))

    def _takes_penalty(self) -> bool:
        if self.penalty_every == 1:  # nothing to count, and nothing to cut a compiled step in two
            return True
        self.batches += 1
        return bool(self.batches % self.penalty_every == 1)

    def _mean_for(self, h: Tensor) -> Tensor:
        import torch

        h = h.detach()
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
            state["batches"] = self.batches.clone()
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.x_mean = state.get("x_mean", self.x_mean)
        if "batches" in state:
            self.batches = state["batches"].cpu().clone()
        else:
            self.batches.zero_()
