"""Manifold Mixup (Verma et al., ICML 2019): mixup at a layer drawn at random for each batch.

As its own paper defines it: one layer k drawn uniformly from a set of eligible layers, the hidden states and the labels
mixed with the same lam. (The authors' MixupE repository imports a version that always mixes labels at 0.5.)
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Model
from mixupe.augmentation.draw import draw_mix, draw_of, lam_of
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import Method, StackPlan, Style
from mixupe.augmentation.mix_layer import INPUT, logits_mixed_at
from mixupe.augmentation.mixup import drawn_mixup_loss, mixed_loss, to_device


class ManifoldMixup(Method):
    """Mixup at the input of a layer drawn uniformly from `mix_at` for each batch.

    Args:
        alpha: > 0, lam ~ Beta(alpha, alpha).
        mix_at: names of eligible layers; `input` is the model's input.
        per_sample, probability: see `Mixup`.
        batch_dim, criterion: see `mixup_loss`; the axis is that at every layer.

    Raises:
        ValueError: an argument is out of range, or mix_at is empty.
    """

    name = "manifold_mixup"
    style = Style("#009E73", "^", "-.")
    later = ("per_sample", "probability")

    def __init__(
        self,
        alpha: float = 2.0,
        mix_at: Sequence[str] = (INPUT,),
        criterion: Criterion = cross_entropy,
        per_sample: bool = False,
        probability: float = 1.0,
        batch_dim: int | None = None,
    ) -> None:
        checks.check_alpha(alpha)
        if not isinstance(mix_at, list | tuple) or not mix_at:
            raise ValueError(f"mix_at: must be a list with at least one layer name, got {mix_at!r}")
        for layer in mix_at:
            checks.check_mix_at(layer)
        checks.check_mixing(per_sample, probability, batch_dim)
        super().__init__(criterion)
        self.alpha = alpha
        self.mix_at = tuple(mix_at)
        self.per_sample, self.probability, self.batch_dim = per_sample, probability, batch_dim

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        lam, perm = draw_mix(len(y), self.alpha, generator, self.per_sample, self.probability)
        device = generator.device if generator is not None else torch.device("cpu")
        layer = self.mix_at[int(torch.randint(len(self.mix_at), (), generator=generator, device=device))]
        return drawn_mixup_loss(call, x, y, lam, perm, layer, self.criterion, self.batch_dim)

    def obstacle(self, to: Literal["stack", "compile", "processes"]) -> str | None:
        return self._not_at_default(*self.later) if to == "stack" else None

    def stack_plan(self) -> StackPlan:
        def draw(batch: int, generator: torch.Generator | None) -> tuple[Tensor, ...]:
            return (*draw_lam_and_perm(batch, generator), torch.randint(len(self.mix_at), (), generator=generator))

        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, layer, alpha = drawn
            lam, perm = to_device(lam_of(uniform, gamma, alpha), perm, x, y)
            # With lam 1 an interpolation is what it is of: so each run is interpolated at its own layer alone.
            lams = {name: torch.where(layer == index, lam, 1.0) for index, name in enumerate(self.mix_at)}
            return mixed_loss(logits_mixed_at(model, x, lams, perm), y, lam, perm, self.criterion)

        draw_lam_and_perm = draw_of(self.alpha)
        return StackPlan(loss, draw, (torch.tensor(self.alpha, dtype=torch.float64),))
