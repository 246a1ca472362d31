"""CutMix (Yun et al., ICCV 2019): a box of each image is replaced by that of another, the labels are mixed by its area.

Spectrograms are images here, whose box is some bands for some time.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.draw import draw_lam, draw_perm
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, logits_of, mixed_criterion
from mixupe.augmentation.method import Method, Style
from mixupe.augmentation.mixup import to_device
from mixupe.augmentation.targets import is_of_classes, known_targets


def box(lam: Tensor, place: Tensor, height: int, width: int) -> Tensor:
    """(H, W) bool, of area 1 - lam where none of it lies outside; `place` (2,) in [0, 1) is of its centre, y and x."""
    inside = []
    for size, at in ((height, place[0]), (width, place[1])):
        offset = torch.arange(size, device=lam.device) - (at * size).floor()
        half = (0.5 * (1 - lam).sqrt() * size).floor()
        inside.append((offset >= -half) & (offset < half))
    return inside[0].unsqueeze(1) & inside[1]


_TAKES = "images or spectrograms, (B, C, H, W)"


class CutMix(Method):
    """CutMix: draws lam ~ Beta(alpha, alpha), a permutation and a box for each batch; images and spectrograms only.

    Args:
        alpha: > 0.
        probability: share of the batches that are cut, in [0, 1]; the others are trained on as they are.
        criterion: see `mixup_loss`.
    """

    name = "cutmix"
    style = Style("#CC79A7", "v", "-")
    domains = ("images", "speech")

    def __init__(self, alpha: float = 1.0, probability: float = 1.0, criterion: Criterion = cross_entropy) -> None:
        checks.check_alpha(alpha)
        checks.check_probability(probability)
        super().__init__(criterion)
        self.alpha, self.probability = alpha, probability

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        checks.check_input(x, len(y), 4, _TAKES)
        lam, perm = draw_lam(self.alpha, generator), draw_perm(len(y), generator)
        uniform = torch.rand(3, dtype=torch.float64, generator=generator, device=lam.device)
        cut = box(lam, uniform[:2], *x.shape[-2:]) & (uniform[2] < self.probability)
        lam, perm = to_device(1 - cut.double().mean(), perm, x, y)
        x = call.merged(x, perm)
        checks.check_input(x, len(y), 4, f"{_TAKES}, after merge")
        logits = logits_of(
            call(torch.where(cut.to(x.device, non_blocking=True), x[perm], x)), len(y), is_of_classes(self.criterion)
        )
        targets = known_targets(y, logits, self.criterion)
        loss = mixed_criterion(logits, y, lam, perm, self.criterion)
        return MixedLoss(loss, logits, mixup_loss=loss, penalty=loss.new_zeros(()), lam=lam, perm=perm, targets=targets)
