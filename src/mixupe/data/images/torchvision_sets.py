"""CIFAR-10, CIFAR-100 and Fashion-MNIST through torchvision, which knows their addresses and checksums."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.download import offline_after
from mixupe.data.images.tensor_images import ImageSettings, image_bundle
from mixupe.settings import Fraction, UserError

SetName = Literal["CIFAR10", "CIFAR100", "FashionMNIST"]

# Where each set's files go by hand, below data.root; torchvision checks them against its own MD5 sums.
BY_HAND = {
    "CIFAR10": "cifar-10-python.tar.gz (or the folder cifar-10-batches-py)",
    "CIFAR100": "cifar-100-python.tar.gz (or the folder cifar-100-python)",
    "FashionMNIST": "FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz",
}


class Config(ImageSettings):
    """Attributes:
    torchvision_name: class in torchvision.datasets.
    """

    torchvision_name: SetName
    test_fraction: Fraction | None = None


def _open(name: SetName, root: Path, train: bool) -> Any:
    from torchvision import datasets

    factory = getattr(datasets, name)
    try:
        return factory(root, train=train, download=False)
    except RuntimeError:
        pass  # not here, or not complete: fetch it
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / f".{name}.lock"), offline_after(seconds=10):
            return factory(root, train=train, download=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"dataset: {name} is not in {root} and could not be downloaded ({_first_line(error)}); put {BY_HAND[name]}"
            f" into {root}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _pixels(dataset: Any) -> npt.NDArray[np.uint8]:
    """(N, C, H, W) from torchvision's (N, H, W[, C])."""
    data = np.asarray(dataset.data)
    return data[:, None] if data.ndim == 3 else np.ascontiguousarray(data.transpose(0, 3, 1, 2))


def load(config: Config, request: DataRequest) -> DataBundle:
    parts = [_open(config.torchvision_name, request.root, train) for train in (True, False)]
    pixels = np.concatenate([_pixels(part) for part in parts])
    labels = np.concatenate([np.asarray(part.targets, dtype=np.int64) for part in parts])
    test = np.arange(len(parts[0].data), len(pixels))
    return image_bundle(pixels, labels, tuple(parts[0].classes), config, request, test=test)
