"""Manifold Mixup (Verma et al., ICML 2019): mixup at a layer drawn at random for each batch.

As its own paper defines it: one layer k drawn uniformly from a set of eligible layers, the hidden states and the labels
mixed with the same lam. (The authors' MixupE repository imports a version that always mixes labels at 0.5.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mixupe.augmentation import checks
from mixupe.augmentation.draw import draw_lam, draw_of, draw_perm, lam_of
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import INPUT, Method, Model, StackPlan, Style
from mixupe.augmentation.mixup import drawn_mixup_loss, mixed_loss, placed
from mixupe.augmentation.targets import checked_targets

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class ManifoldMixup(Method):
    """Mixup at the input of a layer drawn uniformly from `mix_at` for each batch.

    Args:
        alpha: > 0, lam ~ Beta(alpha, alpha).
        mix_at: names of eligible layers; `input` is the model's input.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: alpha is not a finite number > 0, or mix_at is empty.
    """

    name = "manifold_mixup"
    style = Style("#009E73", "^", "-.")

    def __init__(
        self, alpha: float = 2.0, mix_at: Sequence[str] = (INPUT,), criterion: Criterion = cross_entropy
    ) -> None:
        checks.check_alpha(alpha)
        if not isinstance(mix_at, list | tuple) or not mix_at:
            raise ValueError(f"mix_at: must be a list with at least one layer name, got {mix_at!r}")
        for layer in mix_at:
            checks.check_mix_at(layer)
        super().__init__(criterion)
        self.alpha = alpha
        self.mix_at = tuple(mix_at)

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        """The loss of one batch; see `mixup_loss` for the shapes. Layer, lam and perm come from `generator`."""
        import torch

        checks.check_generator(generator)
        y = checked_targets(y)
        lam = draw_lam(self.alpha, generator)
        perm = draw_perm(len(y), generator)
        device = generator.device if generator is not None else torch.device("cpu")
        layer = self.mix_at[int(torch.randint(len(self.mix_at), (), generator=generator, device=device))]
        return drawn_mixup_loss(model, x, y, lam, perm, layer, self.criterion)

    def stack_plan(self) -> StackPlan:
        import torch

        from mixupe.augmentation.mix_point import logits_mixed_at

        def draw(batch: int, generator: torch.Generator | None) -> tuple[Tensor, ...]:
            return (*draw_lam_and_perm(batch, generator), torch.randint(len(self.mix_at), (), generator=generator))

        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, layer, alpha = drawn
            lam, perm = placed(lam_of(uniform, gamma, alpha), perm, x, y)
            # With lam 1 a blend is what it is of: so each run is blended at its own layer alone.
            lams = {name: torch.where(layer == index, lam, 1.0) for index, name in enumerate(self.mix_at)}
            return mixed_loss(logits_mixed_at(model, x, lams, perm), y, lam, perm, self.criterion)

        draw_lam_and_perm = draw_of(self.alpha)
        return StackPlan(loss, draw, (torch.tensor(self.alpha, dtype=torch.float64),))
