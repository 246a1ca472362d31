"""The layout of a folder of images: one folder a class, either directly or in the parts `train` and `test`."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixupe.settings import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


@dataclass(frozen=True)
class ClassFolders:
    """What was found.

    Attributes:
        files: N image files, by part, class and name.
        labels: (N,) class indices.
        class_names: K folder names, sorted.
        test: indices of the files in the part `test`; None where there are no parts.
        notes: what was left out.
    """

    files: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    test: npt.NDArray[np.int64] | None
    notes: tuple[str, ...]


def find_images(folder: Path) -> ClassFolders:
    """List the images of DIR/<class>/**, or of DIR/train/<class>/** and DIR/test/<class>/**.

    Raises:
        UserError: the folder is not there or cannot be read; there are no classes, or one without images; a part has
            a class that training does not have; there are other folders beside `train` and `test`.
    """
    if not folder.is_dir():
        raise UserError(f"dataset.path: {folder} is not there or is not a folder; allowed is a folder of class folders")
    parts = _parts(folder)
    class_names = tuple(child.name for child in _subfolders(parts[0]))
    if len(class_names) < 2:
        raise UserError(
            f"dataset.path: {parts[0]} has {len(class_names)} class folder(s), at least 2 are needed (one folder a class)"
        )
    files: list[Path] = []
    labels: list[int] = []
    left_out: list[Path] = [path for place in {folder, *parts} for path in _children(place) if not path.is_dir()]
    starts: list[int] = []
    for part in parts:
        starts.append(len(files))
        for child in _subfolders(part):
            if child.name not in class_names:
                raise UserError(f"dataset.path: {child} is a class that {parts[0]} does not have")
            images, others = _images(child)
            if not images:
                raise UserError(
                    f"dataset.path: {child} holds no image, allowed are {', '.join(SUFFIXES)}; remove the folder"
                )
            files += images
            labels += [class_names.index(child.name)] * len(images)
            left_out += others
    return ClassFolders(
        files=tuple(files),
        labels=np.array(labels, dtype=np.int64),
        class_names=class_names,
        test=np.arange(starts[1], len(files)) if len(parts) == 2 else None,
        notes=_notes(left_out),
    )


def _parts(folder: Path) -> tuple[Path, ...]:
    """The folders whose subfolders are classes: training first, then the test part if there is one."""
    train, test = folder / "train", folder / "test"
    # A class may be called train: then it holds images, not folders.
    if not train.is_dir() or not _subfolders(train):
        return (folder,)
    others = [child for child in _subfolders(folder) if child not in (train, test)]
    if others:
        raise UserError(f"dataset.path: {others[0]} lies beside {train}, allowed beside it is {test} only")
    return (train, test) if test.is_dir() else (train,)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"dataset.path: {folder} cannot be read ({error.strerror})") from error


def _subfolders(folder: Path) -> list[Path]:
    return [child for child in _children(folder) if child.is_dir() and not child.name.startswith(".")]


def _images(folder: Path) -> tuple[list[Path], list[Path]]:
    """Image files and other files below the folder, at any depth."""

    def refuse(error: OSError) -> None:  # os.walk would skip what it cannot read
        raise UserError(f"dataset.path: {error.filename} cannot be read ({error.strerror})") from error

    walk = os.walk(folder, onerror=refuse, followlinks=True)
    found = sorted(Path(place, name) for place, _, names in walk for name in names)
    images = [path for path in found if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    kept = set(images)
    return images, [path for path in found if path not in kept]


def _notes(left_out: list[Path]) -> tuple[str, ...]:
    if not left_out:
        return ()
    return (f"{len(left_out)} file(s) that are not images were left out, the first is {min(left_out).name}",)
