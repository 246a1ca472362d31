"""CIFAR-10, CIFAR-100, SVHN, MNIST and Fashion-MNIST through torchvision, which knows their addresses and checksums."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.download import offline_after
from mixupe.data.examples import Examples
from mixupe.data.images import fashion_mnist_files, mnist_files
from mixupe.data.images.settings import SetName, TorchvisionSet
from mixupe.data.images.tensor_images import image_bundle
from mixupe.settings import UserError

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
        if name == "MNIST":
            mnist_files.unpack_local(root)
        reasons = _fetch_fashion_mnist(root) if name == "FashionMNIST" else []
        if (problem := _problem(name, root)) is None:
            return
        try:
            with offline_after(seconds=10):
                for train in (True, False):
                    _open(name, root, train, download=True)
        # URLError is an OSError, and so is a broken archive; torchvision itself raises RuntimeError.
        except (OSError, EOFError, RuntimeError) as error:
            tried = "; ".join([*reasons, _first_line(error)])
            raise UserError(
                f"dataset: {problem}, and {name} could not be downloaded ({tried}); put {BY_HAND[name]} into {root}"
            ) from error
    if (problem := _problem(name, root)) is not None:
        raise UserError(f"dataset: {problem} although {name} was just downloaded; delete it and fetch again")


def _fetch_fashion_mnist(root: Path) -> list[str]:
    """What can be done before torchvision's download; returns what did not work."""
    fashion_mnist_files.unpack_local(root)
    if _problem("FashionMNIST", root) is None:
        return []
    reason = fashion_mnist_files.fetch_debian_package(root)
    if reason is None:
        fashion_mnist_files.unpack_local(root)
        return []
    return [f"Debian package {fashion_mnist_files.PACKAGE}: {reason}"]


def _problem(name: SetName, root: Path) -> str | None:
    """What is wrong with the files below `root`, in words that name the file; None if all are there and intact."""
    if name == "FashionMNIST":
        return fashion_mnist_files.problem(root)
    if name == "MNIST":
        return mnist_files.problem(root)
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


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


def _pixels(dataset: Any) -> npt.NDArray[np.uint8]:
    """(N, C, H, W) from torchvision's (N, H, W[, C]), or from SVHN's, which has that shape already."""
    data = np.asarray(dataset.data)
    if data.ndim == 3:
        return data[:, None]
    return np.ascontiguousarray(data if isinstance(dataset, datasets.SVHN) else data.transpose(0, 3, 1, 2))


def _labels(dataset: Any) -> npt.NDArray[np.int64]:
    return np.asarray(dataset.labels if isinstance(dataset, datasets.SVHN) else dataset.targets, dtype=np.int64)


def load(config: TorchvisionSet, request: DataRequest) -> DataBundle:
    whole = read_set(config, request.root)
    examples = Examples(labels=whole.labels, class_names=whole.class_names, test=whole.test)
    return image_bundle(whole.pixels, examples, config, request)


@dataclass(frozen=True)
class WholeSet:
    """Attributes:
    pixels: (N, C, H, W), training images first.
    labels: (N,).
    test: indices of the official test part.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    test: npt.NDArray[np.int64]


def read_set(config: TorchvisionSet, root: Path) -> WholeSet:
    """Both parts, fetched where they are not there."""
    name = config.torchvision_name
    fetch(config, root)
    parts = [_open(name, root, train) for train in (True, False)]
    pixels = np.concatenate([_pixels(part) for part in parts])
    class_names = tuple(str(digit) for digit in range(10)) if name == "SVHN" else tuple(parts[0].classes)
    labels = np.concatenate([_labels(part) for part in parts])
    return WholeSet(pixels, labels, class_names, np.arange(len(parts[0].data), len(pixels)))
