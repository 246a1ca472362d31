"""VGG-13, configuration B."""

from torch import nn

from mixupe.data.base import DataSpec
from mixupe.models.settings import VGGSettings
from mixupe.models.vgg import VGG, VGG13


def build(config: VGGSettings, spec: DataSpec) -> nn.Module:
    channels, height, width = spec.input_shape
    return VGG(VGG13, (channels, height, width), spec.num_classes, config.width, config.dropout)
