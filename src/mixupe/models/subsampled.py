"""1x1 convolutions with a stride, computed as a subsampling followed by a convolution of stride 1.

The same numbers up to rounding, by another way: torch 2.11 (oneDNN on CPUs without AVX-512) writes past its memory in the
backward pass of a float32 1x1 convolution with a stride, channels last and few input channels (seen below 8), which ends
the process or changes other tensors. Convolutions of other sizes and layouts are not affected.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class SubsampledConv2d(nn.Conv2d):
    """nn.Conv2d(in, out, 1, stride) of (B, C, H, W) without padding, with the same parameters and initialisation."""

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = self.stride
        return F.conv2d(x[..., ::rows, ::columns], self.weight, self.bias, groups=self.groups)


def subsample_1x1(model: nn.Module) -> nn.Module:
    """Every 1x1 convolution with a stride in a network of others becomes a SubsampledConv2d, in place; returns the model."""
    for module in model.modules():
        if type(module) is nn.Conv2d and _is_strided_1x1(module):
            module.__class__ = SubsampledConv2d  # it is that layer with another forward: names and hooks stay
    return model


def _is_strided_1x1(conv: nn.Conv2d) -> bool:
    return conv.kernel_size == (1, 1) and max(conv.stride) > 1 and conv.padding in ((0, 0), "valid")
