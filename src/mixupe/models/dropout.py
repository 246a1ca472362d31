"""Dropout that draws on the CPU, as every other stream does: a GPU run then drops what a CPU run would."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """nn.Dropout of any shape, bit for bit on a CPU; elsewhere its masks come from the CPU's global generator too.

    Attributes:
        generator: that masks come from in place of the global one, for threads that train at once; on the CPU.
    """

    generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        mask = torch.empty(x.shape, dtype=x.dtype).bernoulli_(1 - self.p, generator=self.generator).div_(1 - self.p)
        return x * mask.to(x.device, non_blocking=True)
