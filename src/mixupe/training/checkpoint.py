"""Checkpoints: written whole, verified when they are read, the one before kept, those that cannot be used set aside.

A checkpoint is what torch.save writes, followed by the SHA-256 of those bytes. torch.load reads it as it is, but would
not notice a damaged tensor.
"""

import hashlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from mixupe.files import previous, replacing, set_aside

_MARK = b"sha256:"
_TRAILER_BYTES = len(_MARK) + 64


class _Hashing(io.RawIOBase):
    """Writes to `file` and hashes what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return self.file.write(data)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values); what was at `path` becomes `previous(path)`.

    Raises:
        OSError: it could not be written, the disk is full; what was there before is untouched.
    """
    with replacing(path) as partial:
        try:
            _write(partial, state)
        except (OSError, RuntimeError) as error:
            # torch's own words, in a RuntimeError, say nothing of the disk.
            cause = error if isinstance(error, OSError) else error.__context__
            if isinstance(cause, OSError):
                raise OSError(cause.errno, cause.strerror, str(path)) from error
            raise
        if path.exists():
            path.replace(previous(path))


def _write(path: Path, state: dict[str, Any]) -> None:
    with path.open("wb") as file:
        hashing = _Hashing(file)
        torch.save(state, hashing)  # type: ignore[arg-type] # it is written to and flushed, no more
        file.write(_trailer(hashing.hash.hexdigest()))
        file.flush()
        os.fsync(file.fileno())


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
    except (pickle.UnpicklingError, EOFError, RuntimeError):
        return None
    return state if isinstance(state, dict) else None


def _trailer(digest: str) -> bytes:
    return _MARK + digest.encode()


def _is_whole(data: bytes) -> bool:
    body = memoryview(data)[:-_TRAILER_BYTES]
    return data[-_TRAILER_BYTES:] == _trailer(hashlib.sha256(body).hexdigest())


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
