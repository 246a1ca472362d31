"""RegMixup (Pinto et al., NeurIPS 2022): mixup's loss added to the plain one, not in its place.

The fair control for MixupE: it too has a mixed and a clean pass, so BatchNorm's running statistics come from clean examples
as well, and both see every batch twice. The mixed pass comes first, as in MixupE.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.draw import draw_lam, draw_of, draw_perm, lam_of
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, mixed_criterion
from mixupe.augmentation.method import Method, StackPlan, Style
from mixupe.augmentation.mix_point import INPUT, MixPoint, Model
from mixupe.augmentation.mixup import placed
from mixupe.augmentation.targets import check_targets_fit, checked_targets


class RegMixup(Method):
    """criterion(f(x), y) + eta L_mix, with lam ~ Beta(alpha, alpha) and a permutation for each batch.

    `.mixup_loss` is L_mix.

    Args:
        alpha: > 0.
        eta: >= 0, weight of mixup's loss.
        mix_at: `input`, or the dotted name of a module whose input is blended.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    name = "regmixup"
    style = Style("#E69F00", "P", "-")

    def __init__(
        self, alpha: float = 10.0, eta: float = 1.0, mix_at: str = INPUT, criterion: Criterion = cross_entropy
    ) -> None:
        checks.check_alpha(alpha)
        checks.check_eta(eta)
        checks.check_mix_at(mix_at)
        super().__init__(criterion)
        self.alpha, self.eta, self.mix_at = alpha, eta, mix_at

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        """The loss of one batch; see `mixup_loss` for the shapes. lam and perm come from `generator`."""
        checks.check_generator(generator)
        y = checked_targets(y)
        lam, perm = draw_lam(self.alpha, generator), draw_perm(len(y), generator)
        return self._loss(model, x, y, lam, perm, self.eta)

    def _loss(self, model: Model, x: Any, y: Tensor, lam: Tensor, perm: Tensor, eta: float | Tensor) -> MixedLoss:
        lam, perm = placed(lam, perm, x, y)
        point = MixPoint(model, self.mix_at)
        logits = point.mixed_logits(x, lam, perm)
        clean_logits, _ = point.clean_pass(x, len(y), differentiable=False)
        check_targets_fit(y, logits)
        mixup_loss = mixed_criterion(logits, y, lam, perm, self.criterion)
        loss = self.criterion(clean_logits, y) + eta * mixup_loss
        return MixedLoss(loss=loss, logits=logits, mixup_loss=mixup_loss, penalty=loss.new_zeros(()))

    def stack_plan(self) -> StackPlan:
        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, alpha, eta = drawn
            return self._loss(model, x, y, lam_of(uniform, gamma, alpha), perm, eta)

        constants = (torch.tensor(self.alpha, dtype=torch.float64), torch.tensor(self.eta))
        return StackPlan(loss, draw_of(self.alpha), constants)
