"""A model through torch.compile, compiled once for all batches of a run."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.mix_point import Model


def compiled(model: nn.Module) -> Model:
    """The model's compiled form; it shares the model's weights, and dropout draws what it would draw there.

    The batch dimension is marked as one that changes: else the smaller last batch of an epoch, and MixupE's joint pass,
    would be compiled anew. lam is no number the compiler sees: inputs are blended before.
    """
    _cache_by_instruction_set()
    from torch._inductor import config as inductor  # slow to import, and rarely needed

    inductor.fallback_random = True
    fast = torch.compile(model)

    def forward(inputs: Any) -> Tensor:
        if isinstance(inputs, Tensor):
            torch._dynamo.maybe_mark_dynamic(inputs, 0)
        logits: Tensor = fast(inputs)
        return logits

    return forward


def _cache_by_instruction_set() -> None:
    """Keep what is compiled under ATEN_CPU_CAPABILITY apart.

    torch 2.11 keeps one cache for all: code generated for the narrower vectors of AVX2 and then built for AVX-512, which a
    later process without the switch takes from there, writes past its buffers (seen as a damaged heap).
    """
    capability = os.environ.get("ATEN_CPU_CAPABILITY")
    if capability is not None:
        folder = Path(tempfile.gettempdir()) / f"torchinductor_{os.getuid()}_{capability}"
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
