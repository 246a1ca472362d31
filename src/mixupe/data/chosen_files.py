"""The files of one kind at a place that a user names: a file, a list of files, or all in a folder."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixupe.data.class_folders import FileKind
from mixupe.data.real_files import LeftOut, files_below
from mixupe.errors import UserError


def chosen_files(source: Any, kind: FileKind) -> tuple[list[Path], tuple[str, ...], tuple[str, ...]]:
    """The files, their names (paths below the folder), and notes on what was left out.

    Raises:
        UserError: nothing is there, or no file of the kind.
    """
    if isinstance(source, Sequence) and not isinstance(source, str):
        files = [Path(path) for path in source]
        return files, tuple(str(file) for file in files), ()
    place = Path(source)
    if place.is_file():
        return [place], (place.name,), ()
    if not place.is_dir():
        raise UserError(f"file: {place} is not there; give a file or a folder")
    left_out = LeftOut()
    below = sorted(files_below(place, os.path.realpath(place), left_out))
    files = [file for file in below if file.suffix.lower() in kind.suffixes]
    left_out.files.extend(file for file in below if file not in set(files))
    if not files:
        raise UserError(f"file: {place} holds no {kind.name}, allowed are {', '.join(kind.suffixes)}")
    return files, tuple(file.relative_to(place).as_posix() for file in files), left_out.notes(kind.name)
