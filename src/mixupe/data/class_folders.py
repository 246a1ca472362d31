"""A user's files of a kind: in one folder a class, directly or in parts such as `train` and `test`, or anywhere."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mixupe.data.base import DataRequest
from mixupe.data.real_files import LeftOut, each_once, files_below, read_folder
from mixupe.data.split_folders import Part, find_parts
from mixupe.data.splits import Examples
from mixupe.errors import UserError


@dataclass(frozen=True)
class FileKind:
    """The files that are examples.

    Attributes:
        name: of one, for messages: image, recording.
        suffixes: of those that are read, in lower case.
        unreadable: suffixes of those that no installed library reads; such a file is an error, not left out.
    """

    name: str
    suffixes: tuple[str, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ClassFolders(Examples):
    """The examples that were found: `class_names` are folder names, sorted; `notes` say what was left out.

    Attributes:
        files: N files, by part, class and name.
    """

    files: tuple[Path, ...]

    @property
    def has_parts(self) -> bool:
        return self.validation is not None or self.test is not None


def find_files(folder: Path, kind: FileKind) -> ClassFolders:
    """List the files of DIR/<class>/**, or of DIR/train/<class>/**, DIR/val/<class>/** and DIR/test/<class>/**.

    Hidden files and folders are left out. Links are followed, but each real file counts once.

    Raises:
        UserError: the folder is not there or cannot be read; a link leads nowhere; there are no classes, or one without
            files; a part has a class that training does not have, or is not a part; a file is in two classes.
    """
    if not folder.is_dir():
        raise UserError(f"dataset.path: {folder} is not there or is not a folder; allowed is a folder of class folders")
    left_out = LeftOut()
    top = os.path.realpath(folder)
    children = read_folder(folder, top, left_out)
    parts: dict[Part, Path] = find_parts(
        folder, children, has_folders=lambda child: bool(read_folder(child, top, LeftOut()))
    ) or {"train": folder}
    classes = {
        part: children if place == folder else read_folder(place, top, left_out) for part, place in parts.items()
    }
    class_names = tuple(child.name for child in classes["train"])
    for part, place in parts.items():
        fewest = 2 if part == "train" else 1
        if len(classes[part]) < fewest:
            raise UserError(
                f"dataset.path: {place} has {len(classes[part])} class folder(s), at least {fewest} are needed (one"
                " folder a class)"
            )
    label_of = {name: label for label, name in enumerate(class_names)}
    places: dict[Path, tuple[Part, int]] = {}
    for part, part_classes in classes.items():
        for child in part_classes:
            if child.name not in label_of:
                raise UserError(f"dataset.path: {child} is a class that {parts['train']} does not have")
            found = _examples(files_below(child, top, left_out), kind, left_out)
            if not found:
                raise UserError(
                    f"dataset.path: {child} holds no {kind.name}, allowed are {', '.join(kind.suffixes)}; remove the folder"
                )
            places |= dict.fromkeys(found, (part, label_of[child.name]))
    files = each_once(places, left_out)
    part_of_file = np.array([places[file][0] for file in files])
    return ClassFolders(
        files=tuple(files),
        labels=np.array([places[file][1] for file in files], dtype=np.int64),
        class_names=class_names,
        validation=np.flatnonzero(part_of_file == "validation") if "validation" in parts else None,
        test=np.flatnonzero(part_of_file == "test") if "test" in parts else None,
        notes=(*left_out.notes(kind.name), *_similar(class_names)),
    )


def find_examples(folder: Path, kind: FileKind, request: DataRequest) -> ClassFolders:
    """As `find_files`; of each class one file for each part that is split off at random, and one to train on.

    Raises:
        UserError: a class has fewer.
    """
    found = find_files(folder, kind)
    needed = 1 + (found.test is None) + (found.validation is None and request.protocol == "heldout")
    official = [part for part in (found.validation, found.test) if part is not None]
    counts = np.bincount(np.delete(found.labels, np.concatenate(official) if official else []).astype(np.int64))
    for name, count in zip(found.class_names, counts, strict=True):
        if count < needed:
            raise UserError(
                f"dataset.path: class {name!r} of {folder} has {count} {kind.name}(s), at least {needed} are needed"
            )
    return found


def chosen_files(source: Any, kind: FileKind) -> tuple[list[Path], tuple[str, ...], tuple[str, ...]]:
    """The files of a kind without classes, at a place that a user names: a file, a list of files, or all in a folder.

    Returns:
        the files, their names (paths below the folder), and notes on what was left out.

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
    below = files_below(place, os.path.realpath(place), left_out)
    files = [file for file in below if file.suffix.lower() in kind.suffixes]
    left_out.files += (file for file in below if file.suffix.lower() not in kind.suffixes)
    if not files:
        raise UserError(f"file: {place} holds no {kind.name}, allowed are {', '.join(kind.suffixes)}")
    return files, tuple(file.relative_to(place).as_posix() for file in files), left_out.notes(kind.name)


def _examples(files: Sequence[Path], kind: FileKind, left_out: LeftOut) -> list[Path]:
    examples: list[Path] = []
    for file in files:
        suffix = file.suffix.lower()
        if suffix in kind.unreadable:
            raise UserError(
                f"dataset.path: {file} cannot be read: {suffix} is not supported, allowed are"
                f" {', '.join(kind.suffixes)}; convert or remove it"
            )
        (examples if suffix in kind.suffixes else left_out.files).append(file)
    return examples


def _similar(class_names: Sequence[str]) -> tuple[str, ...]:
    """A note on classes that are perhaps one: Yes and yes."""
    first: dict[str, str] = {}
    return tuple(
        f"the classes {other!r} and {name!r} differ in capitals or blanks only; they are counted as two"
        for name in class_names
        if (other := first.setdefault("".join(name.casefold().split()), name)) != name
    )
