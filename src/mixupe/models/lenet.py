"""LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: two 5x5 convolutions, two hidden layers, a classifier."""

import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.settings import LeNetSettings


class LeNet(nn.Module):
    """(B, C, H, W) float -> (B, K) logits, for the one (C, H, W) it is built for; H and W at least 2."""

    def __init__(
        self, shape: tuple[int, int, int], classes: int, channels: tuple[int, int], hidden: tuple[int, int]
    ) -> None:
        super().__init__()
        # Padded and rounded up, so that 13 coefficients or 8 pixels are enough for two poolings.
        self.conv1 = nn.Conv2d(shape[0], channels[0], 5, padding=2)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 5, padding=2)
        height, width = (-(-side // 4) for side in shape[1:])
        self.fc1 = nn.Linear(channels[1] * height * width, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.head = nn.Linear(hidden[1], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2, ceil_mode=True)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2, ceil_mode=True)
        x = F.relu(self.fc2(F.relu(self.fc1(x.flatten(1)))))
        logits: Tensor = self.head(x)
        return logits


def build(config: LeNetSettings, spec: DataSpec) -> nn.Module:
    channels, height, width = spec.input_shape
    return LeNet((channels, height, width), spec.num_classes, config.channels, config.hidden)
