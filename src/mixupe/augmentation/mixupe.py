"""MixupE (Zou et al., UAI 2023, arXiv 2212.13381): mixup plus a penalty on directional derivatives.

The default is the paper's own loss (equations 5 and 7 to 9, Listing 1 of its supplement); v1 to v4 are those of the
authors' public code (docs/method.md). The tests reproduce all of them to 1e-10, with every gradient. Two passes in train
mode, the mixed batch first, then the clean batch, so BatchNorm's running statistics move twice a step. `clean_pass` and
`penalty_every` trade that exactness for speed.
"""

from typing import Any, Literal, Self

import torch
import torch.distributed as dist
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.draw import draw_mix
from mixupe.augmentation.generator import in_several_processes
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, in_loss_precision
from mixupe.augmentation.method import Method, StackPlan, Style, mix_plan
from mixupe.augmentation.mix_layer import INPUT
from mixupe.augmentation.mixup import drawn_mixup_loss
from mixupe.augmentation.mixupe_loss import Form, loss_of_form
from mixupe.augmentation.penalty import expected_distance


class MixupE(Method):
    """MixupE: draws lam ~ Beta(alpha, alpha) and a permutation for each batch.

    Args:
        alpha, eta, variant, threshold, mix_at, clean_pass, batch_dim, criterion: see `mixupe_loss`. The defaults are the
            paper's.
        x_mean: training-set mean input, shape of one example; exact, v1 and v2 need it to mix at the input. Where a
            learned representation is mixed, its running mean (momentum 0.1, as BatchNorm's) is kept here instead; with
            several processes (torch.distributed) it is that of all their batches, the same in each.
        penalty_every: k >= 1. The first of every k batches has the penalty, weighted k eta; the others are plain mixup
            in one pass, and their `.penalty` is 0. 1 is the published method. The count of batches is state.
        per_sample, probability: see `Mixup`; a batch that is not mixed has its penalty too.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """

    name = "mixupe"
    style = Style("#D55E00", "D", "-")
    of_classes = True
    later = ("clean_pass", "penalty_every", "per_sample", "probability")
    momentum = 0.1
    x_mean: Tensor | None

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
        per_sample: bool = False,
        probability: float = 1.0,
        batch_dim: int | None = None,
    ) -> None:
        super().__init__(criterion)
        checks.check_penalty_every(penalty_every)
        checks.check_mixing(per_sample, probability, batch_dim)
        self.alpha = alpha
        self.eta = eta
        self.variant = variant
        self.threshold = threshold
        self.mix_at = mix_at
        self.clean_pass = clean_pass
        self.per_sample, self.probability, self.batch_dim = per_sample, probability, batch_dim
        checks.check_x_mean(x_mean, variant, needed=self._form().takes_gradient and mix_at == INPUT)
        self.penalty_every = penalty_every
        self.register_buffer("x_mean", x_mean)
        self._given_mean = x_mean
        # A tensor: as a number it would make a compiled step recompile for every batch. On the CPU, wherever the module
        # is moved: it is read in every step. So it is in the state, but no buffer.
        self.batches = torch.zeros((), dtype=torch.int64, device="cpu")

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        takes_penalty = self._takes_penalty()  # before draws: a compiled step is cut in two here
        form = self._form()
        lam, perm = draw_mix(len(y), form.alpha, generator, self.per_sample, self.probability)
        if not takes_penalty:
            return drawn_mixup_loss(call, x, y, lam, perm, form.mix_at, form.criterion, form.batch_dim)
        weight = self.penalty_every * form.eta * expected_distance(form.alpha)
        return loss_of_form(form, weight, call, x, y, lam, perm, self._mean_for)

    def _form(self) -> Form:
        """Of the attributes as they are now: a loop may change eta or alpha between batches."""
        settings = (self.alpha, self.eta, self.variant, self.threshold, self.mix_at, self.clean_pass)
        return Form(*settings, self.criterion, self.batch_dim)

    def pass_over(self, batches: int) -> None:
        self.batches += batches

    def obstacle(self, to: Literal["stack", "compile", "processes"]) -> str | None:
        takes_gradient = self._form().takes_gradient
        if to == "stack" and takes_gradient and self.mix_at != INPUT:
            return f"augmentation.mix_at of mixupe is {self.mix_at}, with variant {self.variant}"
        if to == "stack":
            return self._not_at_default("penalty_every", "per_sample", "probability")
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
        form = self._form()

        def loss(call: Call, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            lam, perm, weight, *x_mean = drawn
            return loss_of_form(form, weight, call, x, y, lam, perm, lambda _h: x_mean[0])

        means = () if self.x_mean is None else (self.x_mean,)
        return mix_plan(form.alpha, loss, torch.tensor(form.eta * expected_distance(form.alpha)), *means)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """As of every method; not the running mean, but the mean that it began with."""
        own = self.x_mean if self.mix_at == INPUT else self._given_mean
        return {**super().get_params(deep), "x_mean": own}

    def set_params(self, **changed: Any) -> Self:
        before = self.mix_at
        super().set_params(**changed)
        self._given_mean = changed.get("x_mean", self._given_mean)
        if self.mix_at != before:  # where the running mean was one
            self.x_mean = self._given_mean
        return self

    def _takes_penalty(self) -> bool:
        if self.penalty_every == 1:  # nothing to count, and nothing to cut a compiled step in two
            return True
        self.batches += 1
        return bool(self.batches % self.penalty_every == 1)

    @torch.no_grad()
    def _mean_for(self, h: Tensor) -> Tensor:
        if self.mix_at == INPUT:
            checks.check_x_mean(self.x_mean, self.variant, needed=True)
            assert self.x_mean is not None
            self.x_mean = self.x_mean.to(h.device, non_blocking=True)  # moved at the first batch, then kept there
        else:
            batch_mean = _mean_over_processes(h)
            before = batch_mean if self.x_mean is None else self.x_mean.to(batch_mean)
            if before.shape not in (batch_mean.shape, (1, *batch_mean.shape)):
                raise ValueError(
                    f"mix_at: examples that flow into {self.mix_at!r} have shape {tuple(batch_mean.shape)}, their running"
                    f" mean has {tuple(before.shape)}; variant {self.variant} needs one shape: pad sequences to one length,"
                    " or mix where each is one vector; allowed for any shape are approximate, v3 and v4"
                )
            self.x_mean = torch.lerp(before, batch_mean, self.momentum)
        return self.x_mean

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.penalty_every > 1:
            destination[f"{prefix}batches"] = self.batches.clone()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """x_mean may have any shape. States without it, or without a count, were written where neither mattered, or before
        the first batch, to which a running mean then returns.
        """
        self.batches = state_dict.pop(f"{prefix}batches", torch.zeros_like(self.batches)).cpu().clone()
        x_mean = state_dict.get(f"{prefix}x_mean", self.x_mean if self.mix_at == INPUT else self._given_mean)
        if x_mean is None:
            self.x_mean = None
        else:
            state_dict[f"{prefix}x_mean"] = x_mean
            self.x_mean = torch.empty_like(x_mean, device=None if self.x_mean is None else self.x_mean.device)
        super()._load_from_state_dict(state_dict, prefix, *others)


def _mean_over_processes(h: Tensor) -> Tensor:
    """The mean of the rows of h, of all processes; in float32 or wider, as a running mean in bfloat16 would stop moving."""
    mean = in_loss_precision(h).mean(dim=0)
    if not in_several_processes():
        return mean
    rows = mean.new_full((1,), len(h))
    total = torch.cat([mean.flatten() * len(h), rows])
    dist.all_reduce(total)
    return (total[:-1] / total[-1]).view_as(mean)
