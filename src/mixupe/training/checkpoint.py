"""Checkpoints: one file, replaced atomically, loaded without pickle."""

from pathlib import Path
from typing import Any

import torch

from mixupe.files import replacing


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) so that `path` is always either the old or the new whole file."""
    with replacing(path) as partial:
        torch.save(state, partial)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The state last saved at `path`, or None where there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
