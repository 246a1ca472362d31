"""ImageNet (ILSVRC 2012) through torchvision: the official validation images are the test part; images are streamed.

torchvision unpacks the three archives once and checks their MD5 sums. What it does not check is whether an earlier
unpacking was interrupted, so the images are counted here.
"""

from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from torchvision import datasets
from torchvision.datasets import imagenet as torchvision_imagenet

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.settings import ImageNet
from mixupe.data.images.streaming import streaming_bundle
from mixupe.data.splits import Examples
from mixupe.errors import UserError, one_line

TRAIN_IMAGES = 1_281_167
TEST_IMAGES = 50_000


def _folder(config: ImageNet, root: Path) -> Path:
    return config.path or root / "imagenet"


def is_here(config: ImageNet, root: Path) -> bool:
    """Whether the archives have been unpacked."""
    return all((_folder(config, root) / part).exists() for part in (torchvision_imagenet.META_FILE, "train", "val"))


def fetch(config: ImageNet, root: Path) -> None:
    """Unpack the archives; they themselves cannot be downloaded.

    Raises:
        UserError: an archive is missing or broken; the message says which, and where to put it.
    """
    if is_here(config, root):
        return
    folder = _folder(config, root)
    for part, (archive, _) in torchvision_imagenet.ARCHIVE_META.items():
        unpacked = torchvision_imagenet.META_FILE if part == "devkit" else part
        if not (folder / unpacked).exists() and not (folder / archive).is_file():
            raise UserError(
                f"dataset: {folder / archive} is not there; get it from ImageNet's owners and put it into {folder}"
            )
    with FileLock(folder / ".imagenet.lock"):
        for part in ("train", "val"):
            _open(folder, part)


def _open(folder: Path, part: str) -> Any:
    try:
        return datasets.ImageNet(folder, split=part)
    except (OSError, EOFError, RuntimeError) as error:  # RuntimeError: torchvision names the archive
        raise UserError(f"dataset: {folder} cannot be read as ImageNet ({one_line(error)})") from error


def load(config: ImageNet, request: DataRequest) -> DataBundle:
    fetch(config, request.root)
    folder = _folder(config, request.root)
    train, test = (_open(folder, part) for part in ("train", "val"))
    for part, dataset, expected in (("train", train, TRAIN_IMAGES), ("val", test, TEST_IMAGES)):
        if len(dataset.samples) != expected:
            raise UserError(
                f"dataset: {folder / part} holds {len(dataset.samples)} images instead of {expected}; delete it and"
                " unpack it again"
            )
    samples = [*train.samples, *test.samples]
    examples = Examples(
        labels=np.array([label for _, label in samples], dtype=np.int64),
        # Two pairs of classes share their first name, so the WordNet id is part of the name.
        class_names=tuple(f"{names[0]} ({wnid})" for names, wnid in zip(train.classes, train.wnids, strict=True)),
        test=np.arange(len(train.samples), len(samples)),
    )
    return streaming_bundle([Path(file) for file, _ in samples], examples, config, request)
