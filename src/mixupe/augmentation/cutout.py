"""Cutout (DeVries and Taylor 2017): a square of each image is set to 0; nothing is mixed.

The centre may lie anywhere in the image, so that part of the square may lie outside. Images are normalised before, so 0 is
the mean.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import Method, Style
from mixupe.augmentation.none import plain_loss


def squares(places: Tensor, side: int, height: int, width: int) -> Tensor:
    """(B, H, W) bool, true within the square of each; `places` (B, 2) in [0, 1) are of their centres, y and x."""
    inside = []
    for size, at in ((height, places[:, 0]), (width, places[:, 1])):
        offset = torch.arange(size, device=places.device) - (at * size).floor().unsqueeze(1)
        inside.append((offset >= -(side // 2)) & (offset < side - side // 2))
    return inside[0].unsqueeze(2) & inside[1].unsqueeze(1)


class Cutout(Method):
    """The plain loss of images with a square of each set to 0, at a place drawn for each; images only.

    Args:
        side: of the square, as a share of the image's shorter side, in (0, 1]: 0.5 cuts 16 of 32 pixels.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: side is out of range.
    """

    name = "cutout"
    style = Style("#661100", "*", "--")
    domains = ("images",)

    def __init__(self, side: float = 0.5, criterion: Criterion = cross_entropy) -> None:
        if not 0 < side <= 1:
            raise ValueError(f"side: must lie in (0, 1], got {side!r}")
        super().__init__(criterion)
        self.side = side

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        checks.check_input(x, len(y), 4, "images, (B, C, H, W)")
        height, width = x.shape[-2:]
        device = generator.device if generator is not None else torch.device("cpu")
        places = torch.rand(len(y), 2, dtype=torch.float64, generator=generator, device=device)
        cut = squares(places, max(1, round(self.side * min(height, width))), height, width)
        masked = x.masked_fill(cut.unsqueeze(1).to(x.device, non_blocking=True), 0.0)
        return plain_loss(call, masked, y, self.criterion)
