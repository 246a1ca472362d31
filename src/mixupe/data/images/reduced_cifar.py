"""CIFAR with part of its training images: of each class those whose pixels have the smallest hashes, and the whole test set.

The choice needs nothing but the images, so a copy of the reduced set and the full set give the same one.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from mixupe.data.archives import unpack
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.examples import Examples
from mixupe.data.images import torchvision_sets
from mixupe.data.images.decode import read_image, to_pixels
from mixupe.data.images.settings import ReducedCIFAR, TorchvisionSet
from mixupe.data.images.tensor_images import image_bundle
from mixupe.files import replacing
from mixupe.settings import UserError

SHAPE = (3, 32, 32)
SUFFIXES = (".webp", ".png")


@dataclass(frozen=True)
class Images:
    """Attributes:
    pixels: (N, 3, 32, 32), the training part first, in the order of class and hash.
    labels: (N,).
    hashes: (N,) SHA-256 of each image's pixels, as (32, 32, 3).
    test: indices of the test part.
    origin: where the images came from, in words.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    hashes: npt.NDArray[np.str_]
    test: npt.NDArray[np.int64]
    origin: str

    @property
    def digest(self) -> str:
        """SHA-256 over parts, classes and images."""
        is_test = np.isin(np.arange(len(self.labels)), self.test)
        rows = zip(is_test.tolist(), self.labels.tolist(), self.hashes.tolist(), strict=True)
        return hashlib.sha256("".join(f"{int(t)} {label} {one}\n" for t, label, one in rows).encode()).hexdigest()


def is_here(config: ReducedCIFAR, root: Path) -> bool:
    if _cache(config, root).is_file():
        return True
    return config.path.exists() if config.path is not None else torchvision_sets.is_here(_full(config), root)


def fetch(config: ReducedCIFAR, root: Path) -> None:
    _read(config, root)


def load(config: ReducedCIFAR, request: DataRequest) -> DataBundle:
    images = _read(config, request.root)
    groups = np.unique(images.hashes, return_inverse=True)[1]
    copies = len(groups) - len(np.unique(groups))
    notes = (
        f"reduced: {config.per_class} training images a class, the whole test part; images are those of {images.origin}",
        *((f"{copies} image(s) are exact copies of others",) if copies else ()),
    )
    examples = Examples(
        labels=images.labels, class_names=images.class_names, test=images.test, groups=groups, notes=notes
    )
    return image_bundle(images.pixels, examples, config, request)


def _full(config: ReducedCIFAR) -> TorchvisionSet:
    return TorchvisionSet(
        name=config.name, domain="images", loader="images.torchvision_sets", torchvision_name=config.torchvision_name
    )


def _cache(config: ReducedCIFAR, root: Path) -> Path:
    return root / "cache" / "reduced_cifar" / f"{config.content_sha256}.npz"


def _read(config: ReducedCIFAR, root: Path) -> Images:
    """The chosen images, from the cache of decoded pixels where they were read before.

    Raises:
        UserError: they cannot be had, or are others.
    """
    cache = _cache(config, root)
    cache.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache.with_suffix(".lock")):
        images = _cached(cache) if cache.is_file() else None
        if images is not None and images.digest == config.content_sha256:
            return images
        images = _chosen(_source(config, root), config.per_class)
        if images.digest != config.content_sha256:
            raise UserError(
                f"dataset.content_sha256: the images of {images.origin} have {images.digest}, expected is"
                f" {config.content_sha256}; give the former to take them as another set"
            )
        with replacing(cache) as partial, partial.open("wb") as file:
            np.savez(
                file,
                pixels=images.pixels,
                labels=images.labels,
                class_names=images.class_names,
                test=images.test,
                origin=images.origin,
            )
    return images


def _cached(cache: Path) -> Images | None:
    """None where the file is broken."""
    try:
        with np.load(cache, allow_pickle=False) as file:
            pixels, labels, test = (np.asarray(file[name]) for name in ("pixels", "labels", "test"))
            names, origin = tuple(file["class_names"].tolist()), str(file["origin"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Images(pixels, labels, names, _hashes(pixels), test, origin)


def _source(config: ReducedCIFAR, root: Path) -> Images:
    if config.path is None:
        whole = torchvision_sets.read_set(_full(config), root)
        hashes = _hashes(whole.pixels)
        return Images(whole.pixels, whole.labels, whole.class_names, hashes, whole.test, "torchvision's full set")
    if config.path.is_dir():
        return _decoded(config.path, config.path)
    if not config.path.is_file():
        raise UserError(f"dataset.path: {config.path} is not there; give a folder or an archive")
    with tempfile.TemporaryDirectory(dir=_cache(config, root).parent) as temporary:
        unpack(config.path, Path(temporary), keep=[f"*{suffix}" for suffix in SUFFIXES])
        return _decoded(Path(temporary), config.path)


def _decoded(folder: Path, shown: Path) -> Images:
    """Every image of {train,test}/<class>, in the folder or in one of its own."""
    below = [folder, *sorted(child for child in folder.iterdir() if child.is_dir())]
    top = next((place for place in below if (place / "train").is_dir() and (place / "test").is_dir()), None)
    if top is None:
        raise UserError(f"dataset.path: {shown} has no folders train and test with one folder a class")
    class_names = tuple(sorted(child.name for child in (top / "train").iterdir() if child.is_dir()))
    files: list[Path] = []
    labels: list[int] = []
    starts: list[int] = []
    for part in ("train", "test"):
        starts.append(len(files))
        for label, name in enumerate(class_names):
            images = sorted(path for path in (top / part / name).glob("*") if path.suffix in SUFFIXES)
            files += images
            labels += [label] * len(images)
    pixels = _decode_all(files)
    names = np.array(labels, dtype=np.int64)
    return Images(
        pixels, names, class_names, _hashes(pixels), np.arange(starts[1], len(files)), f"the copy {shown.name}"
    )


def _decode_all(files: Sequence[Path]) -> npt.NDArray[np.uint8]:
    pixels = np.empty((len(files), *SHAPE), dtype=np.uint8)
    for row, path in enumerate(files):
        image = to_pixels(read_image(path, channels=3))
        if image.shape != SHAPE:
            raise UserError(f"dataset: image {path} has shape {image.shape} instead of {SHAPE} (C, H, W)")
        pixels[row] = image
    return pixels


def _hashes(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.str_]:
    rows = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    return np.array([hashlib.sha256(row).hexdigest() for row in rows])


def _chosen(images: Images, per_class: int) -> Images:
    """The training images of each class with the smallest hashes, and all test images."""
    is_test = np.isin(np.arange(len(images.labels)), images.test)
    order = np.lexsort((images.hashes, images.labels, is_test))
    classes = len(images.class_names)
    train = order[: len(order) - len(images.test)]
    counts = np.bincount(images.labels[train], minlength=classes)
    if counts.min() < per_class:
        name = images.class_names[int(counts.argmin())]
        raise UserError(
            f"dataset.per_class: class {name!r} of {images.origin} has {counts.min()} training images, {per_class} are"
            " asked for"
        )
    place = np.arange(len(train)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = np.concatenate([train[place < per_class], order[len(train) :]])
    return Images(
        images.pixels[kept],
        images.labels[kept],
        images.class_names,
        images.hashes[kept],
        np.arange(classes * per_class, len(kept)),
        images.origin,
    )
