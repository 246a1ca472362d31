"""Files written whole or not at all, and those found damaged."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


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


def write_text(path: Path, text: str) -> None:
    """Write so that `path` is always either the old or the new whole file."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """As `write_text`."""
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """As `write_text`, with sorted keys, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where it cannot be read: missing, empty, cut off, no JSON or no object."""
    try:
        value = read_json(path)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
