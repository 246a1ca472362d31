"""Files written whole or not at all, and those found damaged."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
