"""Listing a user's folders: hidden ones are left out, links are followed, and each real file counts once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mixupe.errors import UserError

Place = TypeVar("Place")

# What macOS puts beside the files in a zip file.
_DEBRIS = "__MACOSX"


@dataclass
class LeftOut:
    """What was passed over.

    Attributes:
        files: that are no examples, hidden ones among them.
        hidden: folders whose name begins with a dot, and __MACOSX.
        links: to what is counted elsewhere.
        has_links: whether any link was followed.
    """

    files: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    has_links: bool = False

    def notes(self, kind: str) -> tuple[str, ...]:
        """A sentence for each sort that there is."""
        sorts = (
            (f"file(s) that are not {kind}s", self.files),
            ("hidden folder(s)", self.hidden),
            ("link(s) to what is counted in its own place", self.links),
        )
        return tuple(
            f"{len(paths)} {what} were left out, the first is {min(paths).name}" for what, paths in sorts if paths
        )


def read_folder(folder: Path, top: str, left_out: LeftOut) -> list[Path]:
    """The subfolders of a folder, sorted; its files are left out.

    Args:
        folder: lies below the set's folder.
        top: the set's folder, without links in it.

    Raises:
        UserError: the folder cannot be read, or a link in it leads nowhere.
    """
    folders, files = _children(folder, top, left_out)
    left_out.files += files
    return folders


def files_below(folder: Path, top: str, left_out: LeftOut) -> list[Path]:
    """The files below a folder at any depth, sorted. Arguments and errors as `read_folder`."""
    found: list[Path] = []
    waiting, seen = [folder], {os.path.realpath(folder)}
    while waiting:
        place = waiting.pop()
        folders, files = _children(place, top, left_out)
        found += files
        for child in folders:
            real = os.path.realpath(child)
            if real in seen:  # a link outside the set that leads in a circle
                left_out.links.append(child)
            else:
                seen.add(real)
                waiting.append(child)
    return sorted(found)


def each_once(places: Mapping[Path, Place], left_out: LeftOut) -> list[Path]:
    """The files without those that are a link to another of them.

    Args:
        places: where each file counts (its part and class), in order.

    Raises:
        UserError: one real file counts in two places.
    """
    if not left_out.has_links:
        return list(places)
    first: dict[str, Path] = {}
    for file, place in places.items():
        other = first.setdefault(os.path.realpath(file), file)
        if other == file:
            continue
        if places[other] != place:
            raise UserError(f"dataset.path: {other} and {file} are one file, in two classes or parts; remove one")
        left_out.links.append(file)
    return list(first.values())


def _children(folder: Path, top: str, left_out: LeftOut) -> tuple[list[Path], list[Path]]:
    """Subfolders, sorted, and files."""
    folders: list[Path] = []
    files: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if _is_hidden(entry.name):
                    (left_out.hidden if entry.is_dir(follow_symlinks=False) else left_out.files).append(path)
                    continue
                if not _is_text(entry.name):
                    raise UserError(
                        f"dataset.path: {str(folder)!r} has a name that is not in UTF-8, {os.fsencode(entry.name)!r};"
                        " rename it (convmv renames many)"
                    )
                if entry.is_symlink():
                    if not path.exists():
                        raise UserError(
                            f"dataset.path: {path} is a link to {path.readlink()}, which is not there; remove it or mend"
                            " it"
                        )
                    left_out.has_links = True
                    if entry.is_dir() and _is_counted_elsewhere(path, top):
                        left_out.links.append(path)
                        continue
                if entry.is_dir():
                    folders.append(path)
                elif entry.is_file():
                    files.append(path)
                else:  # a pipe, which would be waited for
                    left_out.files.append(path)
    except OSError as error:
        raise UserError(f"dataset.path: {folder} cannot be read ({error.strerror})") from error
    return sorted(folders), files


def _is_text(name: str) -> bool:
    """Whether a name can be shown and stored: not if its bytes are of another encoding, as out of an old zip file."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == _DEBRIS


def _is_counted_elsewhere(link: Path, top: str) -> bool:
    """Whether a link to a folder leads up to the set, or to a folder of the set that is listed in its own place."""
    real = Path(link).resolve()
    if Path(top).is_relative_to(real):
        return True
    return real.is_relative_to(top) and not any(map(_is_hidden, real.relative_to(top).parts))
