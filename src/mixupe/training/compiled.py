"""A model through torch.compile, compiled once for all batches of a run."""

import os
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.mix_layer import Model


def compiled(model: nn.Module) -> Model:
    """The model's compiled form; it shares the model's weights, and dropout draws what it would draw there.

    The batch dimension is marked as one that changes: else the smaller last batch of an epoch, and MixupE's joint pass,
    would be compiled anew. lam is no number the compiler sees: inputs are interpolated before.
    """
    from torch._inductor import config as inductor  # slow to import, and rarely needed

    inductor.fallback_random = True
    if os.environ.get("ATEN_CPU_CAPABILITY") == "avx2":
        # On a CPU with AVX-512 torch 2.11 would build code for AVX2's vectors with AVX-512, which writes past its buffers;
        # being part of the compiler's settings, this keeps the cached code of both apart, too.
        inductor.cpp.simdlen = 256
    fast = torch.compile(model)

    def forward(inputs: Any) -> Tensor:
        if isinstance(inputs, Tensor):
            torch._dynamo.maybe_mark_dynamic(inputs, 0)
        logits: Tensor = fast(inputs)
        return logits

    return forward
