"""Tiny-ImageNet: 200 classes of 500 training images and 10,000 official validation images (the test part here), 64x64.

The official test images have no public labels and are not used. There is no torchvision class for this set.
"""

from pathlib import Path

import numpy as np

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.decode import Pixels, decoded, read_image, to_pixels
from mixupe.data.images.settings import TinyImageNet
from mixupe.data.images.tensor_images import image_bundle
from mixupe.data.splits import Examples
from mixupe.errors import UserError

FOLDER = "tiny-imagenet-200"
CLASSES = 200
TRAIN_IMAGES_PER_CLASS = 500
TEST_IMAGES = 10_000
SHAPE = (3, 64, 64)


def is_here(config: TinyImageNet, root: Path) -> bool:  # noqa: ARG001 - one signature for every loader
    return (root / FOLDER / "wnids.txt").is_file()


def fetch(config: TinyImageNet, root: Path) -> None:
    """Raises UserError where the set is not there: it cannot be downloaded by a library."""
    if not is_here(config, root):
        raise UserError(
            f"dataset: {root / FOLDER} is not there; get {FOLDER}.zip from its authors and unpack it into {root}"
        )


def load(config: TinyImageNet, request: DataRequest) -> DataBundle:
    fetch(config, request.root)
    folder = request.root / FOLDER
    wnids = _wnids(folder)
    train = _train_files(folder, wnids)
    test = _test_files(folder, wnids)
    paths = [path for path, _ in train + test]
    labels = np.array([label for _, label in train + test], dtype=np.int64)
    pixels = decoded(paths, _decode, SHAPE, request.root / "cache" / FOLDER, what="RGB")
    examples = Examples(labels=labels, class_names=wnids, test=np.arange(len(train), len(paths)))
    return image_bundle(pixels, examples, config, request)


def _decode(path: Path) -> Pixels:
    return to_pixels(read_image(path, channels=3))


def _wnids(folder: Path) -> tuple[str, ...]:
    path = folder / "wnids.txt"
    wnids = tuple(path.read_text(encoding="utf-8").split())
    if len(set(wnids)) != CLASSES or len(wnids) != CLASSES:
        raise UserError(f"dataset: {path} lists {len(set(wnids))} different classes instead of {CLASSES}")
    return wnids


def _train_files(folder: Path, wnids: tuple[str, ...]) -> list[tuple[Path, int]]:
    files: list[tuple[Path, int]] = []
    for label, wnid in enumerate(wnids):
        images = folder / "train" / wnid / "images"
        paths = sorted(images.glob("*.JPEG"))
        if len(paths) != TRAIN_IMAGES_PER_CLASS:
            raise UserError(
                f"dataset: {images} holds {len(paths)} images instead of {TRAIN_IMAGES_PER_CLASS}; unpack {FOLDER}.zip"
                " again"
            )
        files += [(path, label) for path in paths]
    return files


def _test_files(folder: Path, wnids: tuple[str, ...]) -> list[tuple[Path, int]]:
    annotations = folder / "val" / "val_annotations.txt"
    if not annotations.is_file():
        raise UserError(f"dataset: {annotations} is not there; unpack {FOLDER}.zip again")
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    files: list[tuple[Path, int]] = []
    for number, line in enumerate(annotations.read_text(encoding="utf-8").splitlines(), start=1):
        name, wnid, *_ = [*line.split("\t"), "", ""]
        path = folder / "val" / "images" / Path(name).name
        if wnid not in labels:
            raise UserError(f"dataset: {annotations} line {number}: {wnid!r} is not a class of wnids.txt")
        if not path.is_file():
            raise UserError(f"dataset: image {path} is not there, {annotations} line {number} lists it")
        files.append((path, labels[wnid]))
    if len(files) != TEST_IMAGES:
        raise UserError(f"dataset: {annotations} lists {len(files)} images instead of {TEST_IMAGES}")
    return files
