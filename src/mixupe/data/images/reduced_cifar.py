"""CIFAR with part of its training images: of each class those whose pixels have the smallest hashes, and the whole test set.

The choice needs nothing but the images, so a copy of the reduced set and the full set give the same one.
"""

import hashlib
import tempfile
import zipfile
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from mixupe.data.archives import unpack
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.content import check_content
from mixupe.data.images import torchvision_sets
from mixupe.data.images.decode import Pixels, read_image, to_pixels
from mixupe.data.images.settings import ReducedCIFAR, TorchvisionSet
from mixupe.data.images.tensor_images import image_bundle
from mixupe.data.images.torchvision_sets import WholeSet
from mixupe.data.splits import Examples
from mixupe.errors import UserError
from mixupe.files import replacing

SHAPE = (3, 32, 32)
SUFFIXES = (".webp", ".png")


@dataclass(frozen=True)
class Images(WholeSet):
    """Images of both parts, pixels (N, 3, 32, 32).

    Attributes:
        origin: where the images came from, in words.
    """

    origin: str

    @cached_property
    def hashes(self) -> npt.NDArray[np.str_]:
        """(N,) SHA-256 of each image's pixels, as (32, 32, 3)."""
        rows = np.ascontiguousarray(self.pixels.transpose(0, 2, 3, 1))
        return np.array([hashlib.sha256(row).hexdigest() for row in rows])

    @property
    def is_test(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each image is of the test part."""
        return np.isin(np.arange(len(self.labels)), self.test)

    @property
    def digest(self) -> str:
        """SHA-256 over parts, classes and images."""
        rows = zip(self.is_test.tolist(), self.labels.tolist(), self.hashes.tolist(), strict=True)
        text = "".join(f"{int(is_test)} {label} {digest}\n" for is_test, label, digest in rows)
        return hashlib.sha256(text.encode()).hexdigest()

    def chosen(self, per_class: int) -> "Images":
        """The training images of each class with the smallest hashes, by class and hash, and all test images.

        Raises:
            UserError: a class has too few.
        """
        order = np.lexsort((self.hashes, self.labels, self.is_test))
        train, test = np.split(order, [len(order) - len(self.test)])
        counts = np.bincount(self.labels[train], minlength=len(self.class_names))
        if counts.min() < per_class:
            name = self.class_names[int(counts.argmin())]
            raise UserError(
                f"dataset.per_class: class {name!r} of {self.origin} has {counts.min()} training images, {per_class} are"
                " asked for"
            )
        place = np.arange(len(train)) - np.repeat(np.cumsum(counts) - counts, counts)
        train = train[place < per_class]
        kept = np.concatenate([train, test])
        return replace(self, pixels=self.pixels[kept], labels=self.labels[kept], test=np.arange(len(train), len(kept)))


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
        images = _source(config, root).chosen(config.per_class)
        check_content(images.digest, config.content_sha256, f"the images of {images.origin}")
        with replacing(cache) as partial, partial.open("wb") as file:
            np.savez(file, **{key.name: getattr(images, key.name) for key in fields(images)})
    return images


def _cached(cache: Path) -> Images | None:
    """None where the file is broken."""
    try:
        with np.load(cache, allow_pickle=False) as file:
            pixels, labels, test = (np.asarray(file[name]) for name in ("pixels", "labels", "test"))
            names, origin = tuple(file["class_names"].tolist()), str(file["origin"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Images(pixels, labels, names, test, origin)


def _source(config: ReducedCIFAR, root: Path) -> Images:
    if config.path is None:
        whole = torchvision_sets.read_set(_full(config), root)
        return Images(**vars(whole), origin="torchvision's full set")
    if config.path.is_dir():
        return _decoded(config.path, config.path)
    if not config.path.is_file():
        raise UserError(f"dataset.path: {config.path} is not there; give a folder or an archive")
    with tempfile.TemporaryDirectory(dir=_cache(config, root).parent) as temporary:
        try:
            unpack(config.path, Path(temporary), keep=[f"*{suffix}" for suffix in SUFFIXES])
        except UserError as error:
            raise UserError(f"dataset.path: {error}") from error
        return _decoded(Path(temporary), config.path)


def _decoded(folder: Path, shown: Path) -> Images:
    """Every image of {train,test}/<class>, in the folder or in one of its own."""
    below = [folder, *sorted(child for child in folder.iterdir() if child.is_dir())]
    top = next((place for place in below if (place / "train").is_dir() and (place / "test").is_dir()), None)
    if top is None:
        raise UserError(f"dataset.path: {shown} has no folders train and test with one folder a class")
    class_names = tuple(sorted(child.name for child in (top / "train").iterdir() if child.is_dir()))
    examples = [
        (path, label, part)
        for part in ("train", "test")
        for label, name in enumerate(class_names)
        for path in sorted((top / part / name).glob("*"))
        if path.suffix in SUFFIXES
    ]
    return Images(
        pixels=np.stack([_decode(path) for path, _, _ in examples]),
        labels=np.array([label for _, label, _ in examples], dtype=np.int64),
        class_names=class_names,
        test=np.flatnonzero([part == "test" for _, _, part in examples]),
        origin=f"the copy {shown.name}",
    )


def _decode(path: Path) -> Pixels:
    pixels = to_pixels(read_image(path, channels=3))
    if pixels.shape != SHAPE:
        raise UserError(f"dataset: image {path} has shape {pixels.shape} instead of {SHAPE} (C, H, W)")
    return pixels
