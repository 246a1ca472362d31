"""Files written whole or not at all, forced to disk where that is due, and those found damaged."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

SYNC_EVERY_S = 30.0


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Gives a path beside `target` to write to; it becomes `target` at the end, and is removed if the block fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def previous(path: Path) -> Path:
    """Where the version of a file before the one at `path` is kept, such as a checkpoint's."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def set_aside(path: Path) -> None:
    """Rename a damaged file to `<name>.damaged`, which nothing reads but its owner may."""
    with suppress(FileNotFoundError):  # another process of the same run may have been faster
        path.replace(path.with_name(f"{path.name}.damaged"))


class Syncs:
    """Which of the files that a run writes are forced to disk: those of one moment in SYNC_EVERY_S seconds.

    On a busy disk each takes a tenth of a second, and a small run writes a dozen. So a kill takes nothing, and a power
    cut no more than what took half a minute to compute.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether what is written now is to be forced to disk."""
        now = time.monotonic()
        is_due = now - self._last > SYNC_EVERY_S
        if is_due:
            self._last = now
        return is_due


def write_text(path: Path, text: str, sync: bool = False) -> None:
    """Write so that `path` is always either the old or the new whole file; on disk when it returns, if `sync`."""
    write_bytes(path, text.encode(), sync)


def write_bytes(path: Path, content: bytes, sync: bool = False) -> None:
    """As `write_text`."""
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content)
        if sync:
            to_disk(file)


def write_json(path: Path, value: Any, sync: bool = False) -> None:
    """As `write_text`, with sorted keys, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", sync)


def to_disk(file: IO[Any]) -> None:
    """What was written to an open file is on disk when it returns."""
    file.flush()
    os.fsync(file.fileno())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where it cannot be read: missing, empty, cut off, no JSON or no object."""
    try:
        value = read_json(path)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
