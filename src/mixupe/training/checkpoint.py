"""Checkpoints: written whole, verified when they are read, the one before kept, those that cannot be used set aside.

A checkpoint is what torch.save writes: a zip archive, with a checksum of every tensor, which zipfile verifies and torch.load
does not. Earlier versions wrote the SHA-256 of the archive behind it.
"""

import io
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mixupe.files import previous, replacing, set_aside, to_disk


def save_checkpoint(path: Path, state: dict[str, Any], sync: bool = False) -> None:
    """Write `state` (tensors and plain values); what was at `path` becomes `previous(path)`.

    Args:
        path: of the checkpoint.
        state: what `load_checkpoint` returns.
        sync: on disk when it returns.

    Raises:
        OSError: it could not be written, the disk is full; what was there before is untouched.
    """
    with replacing(path) as partial:
        try:
            _write(partial, state, sync)
        except (OSError, RuntimeError) as error:
            # torch's own words, in a RuntimeError, say nothing of the disk.
            cause = error if isinstance(error, OSError) else error.__context__
            if isinstance(cause, OSError):
                raise OSError(cause.errno, cause.strerror, str(path)) from error
            raise
        if path.exists():
            path.replace(previous(path))


def _write(path: Path, state: dict[str, Any], sync: bool) -> None:
    with path.open("wb") as file:
        torch.save(state, file)
        if sync:
            to_disk(file)


def load_checkpoint(
    path: Path, device: torch.device, refusal: Callable[[dict[str, Any]], str | None] = lambda _: None
) -> tuple[dict[str, Any] | None, list[str]]:
    """The state last saved at `path`, or the one before it where that cannot be used, or None.

    Args:
        path: of the checkpoint.
        device: where its tensors are wanted.
        refusal: what is wrong with a state for whoever asks (`is of another run`), or None.

    Returns:
        the state, and a phrase (`checkpoint.pt is damaged`) for each file that could not be used; it is set aside.
    """
    problems: list[str] = []
    for candidate in (path, previous(path)):
        try:
            data = candidate.read_bytes()
        except FileNotFoundError:
            continue
        state = _unpacked(data, device)
        problem = "is damaged" if state is None else refusal(state)
        if problem is None:
            return state, problems
        problems.append(f"{candidate.name} {problem}")
        set_aside(candidate)
    return None, problems


def _unpacked(data: bytes, device: torch.device) -> dict[str, Any] | None:
    """The state in these bytes; None where they are damaged, or hold what torch does not load without trust."""
    if not _is_whole(data):
        return None
    try:
        state = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def _is_whole(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error):
        return False  # damaged headers ask for anything


def random_state(device: torch.device) -> dict[str, Tensor]:
    """State of torch's global generators, from which dropout draws: uint8 tensors on the CPU."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
