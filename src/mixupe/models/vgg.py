"""VGG (Simonyan and Zisserman, ICLR 2015) with BatchNorm, for spectrograms and small images.

Five blocks of 3x3 convolutions at widths w, 2w, 4w, 8w, 8w, each followed by 2x2 max pooling: one, one, two, two and two
of them in VGG-11 (configuration A), two each in VGG-13 (B). One hidden layer follows instead of two of 4,096: those were
made for 7x7 maps of 224x224 photographs.
"""

from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.settings import VGGSettings

# Channels of each block's convolutions, in units of the width.
Blocks = tuple[tuple[int, ...], ...]
# By key of mixupe.models.registry.BUILDERS.
LAYOUTS: dict[str, Blocks] = {
    "vgg11": ((1,), (2,), (4, 4), (8, 8), (8, 8)),
    "vgg13": ((1, 1), (2, 2), (4, 4), (8, 8), (8, 8)),
}


class VGG(nn.Module):
    """(B, C, H, W) float -> (B, K) logits, for the one (C, H, W) it is built for."""

    def __init__(self, layout: Blocks, shape: tuple[int, int, int], classes: int, width: int, dropout: float) -> None:
        super().__init__()
        channels, height, breadth = shape
        blocks = []
        for factors in layout:
            layers: list[nn.Module] = []
            for factor in factors:
                layers += [_convolution(channels, factor * width)]
                channels = factor * width
            # Rounded up, so that 13 coefficients or 8 pixels survive five poolings.
            blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True)))
            height, breadth = -(-height // 2), -(-breadth // 2)
        self.block1, self.block2, self.block3, self.block4, self.block5 = blocks
        hidden = 8 * width
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * height * breadth, hidden), nn.ReLU(), nn.Dropout(dropout)
        )
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block5(self.block4(self.block3(self.block2(self.block1(x)))))
        logits: Tensor = self.head(self.hidden(x))
        return logits


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
    )


def build(config: VGGSettings, spec: DataSpec) -> nn.Module:
    channels, height, width = spec.input_shape
    layout = LAYOUTS[config.builder]
    return VGG(layout, (channels, height, width), spec.num_classes, config.width, config.dropout)
