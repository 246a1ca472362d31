"""RegMixup (Pinto et al., NeurIPS 2022): mixup's loss added to the plain one, not in its place.

The fair control for MixupE: it too has a mixed and a clean pass, so BatchNorm's running statistics come from clean examples
as well, and both see every batch twice. The mixed pass comes first, as in MixupE.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.draw import draw_mix
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, mixed_criterion, plain_criterion
from mixupe.augmentation.method import Method, StackPlan, Style, mix_plan
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.mixup import to_device
from mixupe.augmentation.targets import is_of_classes, known_targets


class RegMixup(Method):
    """criterion(f(x), y) + eta L_mix, with lam ~ Beta(alpha, alpha) and a permutation for each batch.

    `.mixup_loss` is L_mix.

    Args:
        alpha: > 0.
        eta: >= 0, weight of mixup's loss.
        mix_at: `input`, or the dotted name of a module whose input is interpolated.
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

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        return self._mixed(call, x, y, *draw_mix(len(y), self.alpha, generator), self.eta)

    def _mixed(self, call: Call, x: Any, y: Tensor, lam: Tensor, perm: Tensor, eta: float | Tensor) -> MixedLoss:
        lam, perm = to_device(lam, perm, x, y)
        point = MixLayer(call, self.mix_at, of_classes=is_of_classes(self.criterion))
        logits = point.mixed_logits(x, lam, perm)
        clean_logits, _ = point.clean_pass(x, len(y), differentiable=False)
        targets = known_targets(y, logits, self.criterion)
        mixup_loss = mixed_criterion(logits, y, lam, perm, self.criterion)
        loss = plain_criterion(clean_logits, y, self.criterion) + eta * mixup_loss
        return MixedLoss(loss, logits, mixup_loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=targets)

    def stack_plan(self) -> StackPlan:
        return mix_plan(self.alpha, self._mixed, torch.tensor(self.eta))
