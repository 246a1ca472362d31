"""VGG-11, configuration A."""

from torch import nn

from mixupe.data.base import DataSpec
from mixupe.models.settings import VGGSettings
from mixupe.models.vgg import VGG, VGG11


def build(config: VGGSettings, spec: DataSpec) -> nn.Module:
    channels, height, width = spec.input_shape
    return VGG(VGG11, (channels, height, width), spec.num_classes, config.width, config.dropout)
