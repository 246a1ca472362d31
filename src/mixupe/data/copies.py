"""A plain copy of a public set, `dataset.path`: a folder, or an archive whose files are unpacked below data.root."""

from collections.abc import Sequence
from pathlib import Path

from mixupe.data.archives import unpacked
from mixupe.errors import UserError


def copy_folder(path: Path, root: Path, names: Sequence[str]) -> Path:
    """The folder with the copy's files: `path` itself, or where those of its files with these names are unpacked.

    Raises:
        UserError: the path is not there, or is no folder and no archive that holds one of the files.
    """
    if path.is_dir():
        return path
    try:
        path.stat()
    except OSError as error:
        raise UserError(
            f"dataset.path: {path} cannot be read ({error.strerror}); give a folder or an archive"
        ) from error
    return unpacked(path, root / "cache" / "copies", names)


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
