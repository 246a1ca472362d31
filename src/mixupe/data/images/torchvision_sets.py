"""CIFAR-10, CIFAR-100, SVHN, MNIST and Fashion-MNIST through torchvision, which knows their addresses and checksums."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.download import offline_after
from mixupe.data.images.decode import Pixels
from mixupe.data.images.idx_files import FASHION_MNIST, MNIST
from mixupe.data.images.settings import SetName, TorchvisionSet
from mixupe.data.images.tensor_images import image_bundle
from mixupe.data.packages import fetch_package, package_is_here, package_path
from mixupe.data.splits import Examples, Indices
from mixupe.errors import UserError, first_line

IDX_SETS = {"MNIST": MNIST, "FashionMNIST": FASHION_MNIST}
# The same images of Fashion-MNIST, compressed again, so that torchvision refuses them.
DEBIAN_PACKAGE = "dataset-fashion-mnist"

# Where each set's files go by hand, below data.root.
BY_HAND = {
    "CIFAR10": "cifar-10-python.tar.gz (or the folder cifar-10-batches-py)",
    "CIFAR100": "cifar-100-python.tar.gz (or the folder cifar-100-python)",
    "SVHN": "train_32x32.mat and test_32x32.mat",
    "MNIST": "MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz",
    "FashionMNIST": "FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz",
}


def is_here(config: TorchvisionSet, root: Path) -> bool:
    """Whether all files are below `root` and have the right checksums."""
    return _problem(config.torchvision_name, root) is None


def fetch(config: TorchvisionSet, root: Path) -> None:
    """Bring the files below `root`: unpack an archive that lies there, else download it; broken files are replaced.

    Raises:
        UserError: there is no network; the message says which file is missing or broken and what to put where.
    """
    name = config.torchvision_name
    if _problem(name, root) is None:
        return
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{name}.lock"):
        reasons = _unpack_idx(name, root) if name in IDX_SETS else []
        if (problem := _problem(name, root)) is None:
            return
        try:
            with offline_after(seconds=10):
                for train in (True, False):
                    _open(name, root, train, download=True)
        # URLError is an OSError, and so is a broken archive; torchvision itself raises RuntimeError.
        except (OSError, EOFError, RuntimeError) as error:
            tried = "; ".join([*reasons, first_line(error)])
            raise UserError(
                f"dataset: {problem}, and {name} could not be downloaded ({tried}); put {BY_HAND[name]} into {root}"
            ) from error
    if (problem := _problem(name, root)) is not None:
        raise UserError(f"dataset: {problem} although {name} was just downloaded; delete it and fetch again")


def _unpack_idx(name: SetName, root: Path) -> list[str]:
    """Unpack .gz files put there by hand, else those of the Debian package where there is one; says what did not work."""
    idx_set = IDX_SETS[name]
    raw = idx_set.raw_folder(root)
    idx_set.unpack_gz(raw, [raw])
    if name != "FashionMNIST" or _problem(name, root) is None:
        return []
    if not package_is_here(DEBIAN_PACKAGE, root) and shutil.which("apt-get") is None:
        return [f"Debian package {DEBIAN_PACKAGE}: there is no apt-get"]
    try:
        fetch_package(DEBIAN_PACKAGE, root)
    except UserError as error:
        return [f"Debian package {DEBIAN_PACKAGE}: {error}"]
    idx_set.unpack_gz(raw, [package_path(DEBIAN_PACKAGE, root) / "usr" / "share" / "datasets" / "fashion-mnist"])
    return []


def _problem(name: SetName, root: Path) -> str | None:
    """What is wrong with the files below `root`, in words that name the file; None if all are there and intact."""
    if name in IDX_SETS:
        return IDX_SETS[name].problem(IDX_SETS[name].raw_folder(root))
    for path, md5 in _checksums(name, root):
        if not path.is_file():
            return f"{path} is not there"
        if not check_integrity(str(path), md5):
            return f"{path} is broken (its MD5 sum is not {md5})"
    return None


def _checksums(name: SetName, root: Path) -> list[tuple[Path, str]]:
    """Each file torchvision reads, with torchvision's own MD5 sum of it."""
    factory = getattr(datasets, name)
    if name == "SVHN":  # without the part `extra`
        return [(root / file, md5) for _, file, md5 in (factory.split_list[part] for part in ("train", "test"))]
    listed = [*factory.train_list, *factory.test_list, (factory.meta["filename"], factory.meta["md5"])]
    return [(root / factory.base_folder / file, md5) for file, md5 in listed]


def _open(name: SetName, root: Path, train: bool, *, download: bool = False) -> Any:
    part: dict[str, Any] = {"split": "train" if train else "test"} if name == "SVHN" else {"train": train}
    return getattr(datasets, name)(root, download=download, **part)


def _pixels(dataset: Any) -> Pixels:
    """(N, C, H, W) from torchvision's (N, H, W[, C]), or from SVHN's, which has that shape already."""
    data = np.asarray(dataset.data)
    if data.ndim == 3:
        return data[:, None]
    return np.ascontiguousarray(data if isinstance(dataset, datasets.SVHN) else data.transpose(0, 3, 1, 2))


def _labels(dataset: Any) -> Indices:
    return np.asarray(dataset.labels if isinstance(dataset, datasets.SVHN) else dataset.targets, dtype=np.int64)


def load(config: TorchvisionSet, request: DataRequest) -> DataBundle:
    whole = read_set(config, request.root)
    examples = Examples(labels=whole.labels, class_names=whole.class_names, test=whole.test)
    return image_bundle(whole.pixels, examples, config, request)


@dataclass(frozen=True)
class WholeSet:
    """Both parts of a set.

    Attributes:
        pixels: (N, C, H, W) uint8, training images first.
        labels: (N,) class indices.
        class_names: K of them.
        test: indices of the official test part.
    """

    pixels: Pixels
    labels: Indices
    class_names: tuple[str, ...]
    test: Indices


def read_set(config: TorchvisionSet, root: Path) -> WholeSet:
    """Both parts, fetched where they are not there."""
    name = config.torchvision_name
    fetch(config, root)
    parts = [_open(name, root, train) for train in (True, False)]
    pixels = np.concatenate([_pixels(part) for part in parts])
    class_names = tuple(str(digit) for digit in range(10)) if name == "SVHN" else tuple(parts[0].classes)
    labels = np.concatenate([_labels(part) for part in parts])
    return WholeSet(pixels, labels, class_names, np.arange(len(parts[0].data), len(pixels)))
