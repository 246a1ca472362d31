"""Random streams: every source of randomness is a function of (seed, name, counters) and of nothing else.

So a resumed run draws what an uninterrupted one would, methods are paired seed by seed (split, init and order do not
depend on the method), and no random state has to be saved.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def stream_seed(seed: int, stream: str, *counters: int) -> int:
    """A 63-bit seed for the stream named `stream` at the given counters (epoch, step)."""
    text = ":".join([str(seed), stream, *map(str, counters)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, stream: str, *counters: int) -> torch.Generator:
    """A CPU generator at the start of that stream. CPU always: CPU and GPU runs then draw the same numbers."""
    import torch  # settings are checked without it

    return torch.Generator().manual_seed(stream_seed(seed, stream, *counters))
