"""A plain copy of a public set, `dataset.path`: a folder, or an archive whose files are unpacked below data.root."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from mixupe.data.archives import staged_folder, unpack
from mixupe.settings import UserError


def copy_folder(path: Path, root: Path, names: Sequence[str]) -> Path:
    """The folder with the copy's files: `path` itself, or where those of its files with these names are unpacked.

    An archive is unpacked again where its size or time has changed.

    Raises:
        UserError: the path is not there, or is no folder and no archive that holds one of the files.
    """
    if path.is_dir():
        return path
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(
            f"dataset.path: {path} cannot be read ({error.strerror}); give a folder or an archive"
        ) from error
    state = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0{sorted(names)}"
    folder = root / "cache" / "copies" / hashlib.sha256(state.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            with staged_folder(folder) as staging:
                patterns = [pattern for name in names for pattern in (name, f"*/{name}")]
                if unpack(path, staging, keep=patterns) == 0:
                    raise UserError(f"dataset.path: {path} holds none of {', '.join(names)}")
    return folder


def find_file(folder: Path, name: str, shown: Path) -> Path:
    """The file of that name, at any depth.

    Args:
        folder: as `copy_folder` gives it.
        shown: the path the user gave, for error messages.

    Raises:
        UserError: there is none, or there are several.
    """
    found = sorted(path for path in folder.rglob(name) if path.is_file())
    if len(found) != 1:
        what = f"holds {len(found)} files {name} ({found[0]}, {found[1]}, ...)" if found else f"has no file {name}"
        raise UserError(f"dataset.path: {shown} {what}; one is needed")
    return found[0]
