"""Wide ResNet (Zagoruyko and Komodakis, BMVC 2016) for small images.

Three stages of pre-activation blocks at widths 16k, 32k, 64k, then BN - ReLU, global average pooling and a linear
classifier. WRN-28-10 has 36.48 M parameters for 10 classes.
"""

from typing import Annotated

import torch.nn.functional as F
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.base import ModelSettings
from mixupe.models.preactresnet import BasicBlock
from mixupe.settings import PositiveInt

DOMAINS = ("images",)


def _depth(value: int) -> int:
    if value < 10 or (value - 4) % 6:
        raise ValueError("must be 6n + 4 with n >= 1, for example 16, 22, 28 or 40")
    return value


class Config(ModelSettings):
    """Attributes:
    depth: 6n + 4: n blocks in each of the three stages.
    widen_factor: k.
    dropout: probability of dropping a unit between the two convolutions of a block, in [0, 1).
    """

    depth: Annotated[int, Field(strict=True), AfterValidator(_depth)] = 28
    widen_factor: PositiveInt = 10
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class WideResNet(nn.Module):
    """(B, C, H, W) float -> (B, K) logits, for any H and W."""

    def __init__(self, channels: int, classes: int, depth: int, widen_factor: int, dropout: float) -> None:
        super().__init__()
        blocks = (depth - 4) // 6
        widths = [factor * widen_factor for factor in (16, 32, 64)]
        self.stem = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.layer1 = _stage(16, widths[0], blocks, 1, dropout)
        self.layer2 = _stage(widths[0], widths[1], blocks, 2, dropout)
        self.layer3 = _stage(widths[1], widths[2], blocks, 2, dropout)
        self.bn = nn.BatchNorm2d(widths[2])
        self.head = nn.Linear(widths[2], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.bn(self.layer3(self.layer2(self.layer1(self.stem(x))))))
        logits: Tensor = self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits


def _stage(in_channels: int, channels: int, count: int, stride: int, dropout: float) -> nn.Sequential:
    first = _block(in_channels, channels, stride, dropout)
    return nn.Sequential(first, *(_block(channels, channels, 1, dropout) for _ in range(count - 1)))


def _block(in_channels: int, channels: int, stride: int, dropout: float) -> BasicBlock:
    block = BasicBlock(in_channels, channels, stride)
    if dropout > 0:
        block.add_module("conv2", nn.Sequential(nn.Dropout(dropout), block.conv2))
    return block


def build(config: Config, spec: DataSpec) -> nn.Module:
    return WideResNet(spec.input_shape[0], spec.num_classes, config.depth, config.widen_factor, config.dropout)
