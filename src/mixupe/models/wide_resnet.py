"""Wide ResNet (Zagoruyko and Komodakis, BMVC 2016) for small images.

Three stages of pre-activation blocks at widths 16k, 32k, 64k, then BN - ReLU, global average pooling and a linear
classifier. WRN-28-10 has 36.48 M parameters for 10 classes.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.preactresnet import BasicBlock
from mixupe.models.settings import WideResNetSettings


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


def build(config: WideResNetSettings, spec: DataSpec) -> nn.Module:
    return WideResNet(spec.input_shape[0], spec.num_classes, config.depth, config.widen_factor, config.dropout)
