"""Atomic writes of small JSON and text files."""

import json
import os
from pathlib import Path
from typing import Any

from mixupe.files import replacing


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
