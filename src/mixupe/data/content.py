"""Hashes of files. A user's file is read again only where its size or time has changed since the last time."""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mixupe.errors import UserError
from mixupe.files import replacing


def file_digest(path: Path) -> str:
    """SHA-256 of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digests(folder: Path, files: Sequence[Path]) -> list[str]:
    """SHA-256 of each file, which lies below `folder`."""
    memory = _memory(folder)
    known = _read(memory)
    entries: dict[str, tuple[int, int, str]] = {}
    for file in files:
        name = file.relative_to(folder).as_posix()
        status = file.stat()
        size, time, digest = known.get(name, (-1, -1, ""))
        if (size, time) != (status.st_size, status.st_mtime_ns):
            digest = file_digest(file)
        entries[name] = (status.st_size, status.st_mtime_ns, digest)
    if entries != known:
        with suppress(OSError):  # a home that cannot be written to only costs time
            memory.parent.mkdir(parents=True, exist_ok=True)
            with replacing(memory) as partial:
                partial.write_text(json.dumps(entries))
    return [digest for _, _, digest in entries.values()]


def folder_version(folder: Path, files: Sequence[Path]) -> str:
    """SHA-256 over the files' paths below `folder` and their content, in the order of the paths."""
    names = (file.relative_to(folder).as_posix() for file in files)
    listed = sorted(zip(names, file_digests(folder, files), strict=True))
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def check_content(found: str, expected: str, what: str) -> None:
    """Raises UserError where a public set known by its content holds something else; `what` says what was read."""
    if found != expected:
        raise UserError(
            f"dataset.content_sha256: {what} have {found}, expected is {expected}; give the former to take them as another"
            " set"
        )


def _memory(folder: Path) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mixupe" / "digests" / f"{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}.json"


def _read(memory: Path) -> dict[str, tuple[int, int, str]]:
    try:
        entries = json.loads(memory.read_text())
        return {name: (int(size), int(time), str(digest)) for name, (size, time, digest) in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # not there or broken: every file is read
