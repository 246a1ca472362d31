"""VGG-11, configuration A."""

from torch import nn

from mixupe.data.base import DataSpec
from mixupe.models.vgg import DOMAINS, VGG, VGG11, VGGSettings

__all__ = ["DOMAINS", "Config", "build"]


class Config(VGGSettings):
    pass


def build(config: Config, spec: DataSpec) -> nn.Module:
    channels, height, width = spec.input_shape
    return VGG(VGG11, (channels, height, width), spec.num_classes, config.width, config.dropout)
