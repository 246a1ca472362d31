"""The public sets through torchvision: small files in exactly their layout, checked by torchvision's own checksum lists."""

import hashlib
import pickle
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from torchvision import datasets

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images import torchvision_sets
from mixupe.data.images.idx_files import MNIST
from mixupe.data.images.settings import SetName, TorchvisionSet
from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError
from tests.data.images.idx_format import compress, idx_files
from tests.real_data import real


def config(name: SetName) -> TorchvisionSet:
    loader = "images.torchvision_sets"
    return TorchvisionSet(name=name.lower(), domain="images", loader=loader, torchvision_name=name)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


PIXELS = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)  # (N, H, W, C)
LABELS = np.arange(60) % 10


@pytest.fixture
def svhn(request_here: DataRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """.mat files with X (32, 32, 3, N) and y (N, 1), where the digit 0 has the label 10."""
    root = request_here.root
    root.mkdir(parents=True)
    checksums = dict(datasets.SVHN.split_list)
    for part, chosen in (("train", slice(0, 50)), ("test", slice(50, 60))):
        path = root / f"{part}_32x32.mat"
        y = np.where(LABELS == 0, 10, LABELS)[chosen, None].astype(np.uint8)
        scipy.io.savemat(path, {"X": PIXELS[chosen].transpose(1, 2, 3, 0), "y": y})
        url, name, _ = checksums[part]
        checksums[part] = [url, name, md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", checksums)
    return root


def cifar_files(folder: Path, hundred: bool) -> None:
    folder.mkdir(parents=True)
    flat = PIXELS.transpose(0, 3, 1, 2).reshape(60, -1)
    key = "fine_labels" if hundred else "labels"
    names = [f"class {number}" for number in range(100 if hundred else 10)]
    parts = {"train": slice(0, 50), "test": slice(50, 60)}
    if not hundred:
        parts = {f"data_batch_{n}": slice(10 * n - 10, 10 * n) for n in range(1, 6)} | {"test_batch": slice(50, 60)}
    for name, chosen in parts.items():
        content = {"data": flat[chosen], key: LABELS[chosen].tolist()}
        (folder / name).write_bytes(pickle.dumps(content))
    meta = ("meta", "fine_label_names") if hundred else ("batches.meta", "label_names")
    (folder / meta[0]).write_bytes(pickle.dumps({meta[1]: names}))


@pytest.fixture(params=["CIFAR10", "CIFAR100"])
def cifar(request: pytest.FixtureRequest, request_here: DataRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """(name, folder) of CIFAR's pickled batches."""
    factory = getattr(datasets, request.param)
    folder = request_here.root / factory.base_folder
    cifar_files(folder, hundred=request.param == "CIFAR100")
    for attribute in ("train_list", "test_list"):
        listed = [[name, md5(folder / name)] for name, _ in getattr(factory, attribute)]
        monkeypatch.setattr(factory, attribute, listed)
    monkeypatch.setattr(factory, "meta", {**factory.meta, "md5": md5(folder / factory.meta["filename"])})
    return request.param, folder


def check(bundle: DataBundle) -> None:
    """The test part is the official one, pixel by pixel, and training and validation share the rest."""
    assert isinstance(bundle.test, TensorImages)
    assert bundle.spec.input_shape == (3, 32, 32)
    assert np.array_equal(bundle.test.pixels.numpy(), PIXELS[50:].transpose(0, 3, 1, 2))
    assert bundle.test.labels.tolist() == LABELS[50:].tolist()
    rest = torch.cat([bundle.train.labels, bundle.validation.labels])
    assert torch.bincount(rest, minlength=10).tolist()[:10] == [5] * 10


def test_svhn(svhn: Path, request_here: DataRequest) -> None:
    bundle = torchvision_sets.load(config("SVHN"), request_here)
    check(bundle)
    assert bundle.spec.class_names == tuple("0123456789")
    assert torchvision_sets.is_here(config("SVHN"), svhn)


def test_cifar(cifar: tuple[SetName, Path], request_here: DataRequest) -> None:
    name, _ = cifar
    bundle = torchvision_sets.load(config(name), request_here)
    check(bundle)
    assert bundle.spec.class_names[3] == "class 3"
    assert bundle.spec.num_classes == (100 if name == "CIFAR100" else 10)


def test_an_archive_put_there_by_hand_is_unpacked(
    cifar: tuple[SetName, Path], request_here: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, folder = cifar
    factory = getattr(datasets, name)
    archive = folder.parent / factory.filename
    with tarfile.open(archive, "w:gz") as opened:
        opened.add(folder, arcname=folder.name)
    monkeypatch.setattr(factory, "tgz_md5", md5(archive))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert not torchvision_sets.is_here(config(name), request_here.root)
    torchvision_sets.fetch(config(name), request_here.root)
    check(torchvision_sets.load(config(name), request_here))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["train_32x32.mat", "test_32x32.mat"])
def test_a_flipped_byte_in_svhn_is_found(svhn: Path, request_here: DataRequest, file: str) -> None:
    flip_a_byte(svhn / file)
    assert not torchvision_sets.is_here(config("SVHN"), svhn)
    with pytest.raises(UserError, match=rf"{file} is broken .*put train_32x32\.mat and test_32x32\.mat into") as error:
        torchvision_sets.load(config("SVHN"), request_here)
    assert "\n" not in str(error.value)


def test_a_flipped_byte_in_cifar_is_found(cifar: tuple[SetName, Path], request_here: DataRequest) -> None:
    name, folder = cifar
    for path in sorted(folder.iterdir()):
        intact = path.read_bytes()
        flip_a_byte(path)
        with pytest.raises(UserError, match=f"{path.name} is broken") as error:
            torchvision_sets.load(config(name), request_here)
        assert "\n" not in str(error.value)
        path.write_bytes(intact)
    assert torchvision_sets.is_here(config(name), request_here.root)


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "SVHN", "FashionMNIST"])
def test_without_network_one_line_names_file_and_folder(
    name: SetName, request_here: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)  # no apt-get
    with pytest.raises(UserError, match=r"is not there, and .* could not be downloaded") as error:
        torchvision_sets.load(config(name), request_here)
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(f"put {torchvision_sets.BY_HAND[name]} into {request_here.root}")


def test_mnist_files_put_there_by_hand(request_here: DataRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed by anyone: what is in them is checked."""
    contents = idx_files(PIXELS[..., 0], LABELS.astype(np.uint8), 50)
    for name, content in contents.items():
        monkeypatch.setitem(MNIST.sha256, name, hashlib.sha256(content).hexdigest())
    folder = MNIST.raw_folder(request_here.root)
    compress(folder, contents)
    assert not torchvision_sets.is_here(config("MNIST"), request_here.root)
    data = torchvision_sets.load(config("MNIST"), request_here)
    assert isinstance(data.test, TensorImages)
    assert np.array_equal(data.test.pixels[:, 0].numpy(), PIXELS[50:, ..., 0])
    assert data.test.labels.tolist() == LABELS[50:].tolist()
    (folder / "t10k-labels-idx1-ubyte").write_bytes(contents["t10k-labels-idx1-ubyte"][:-1] + b"\x00")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte is not there.*put MNIST/raw/"):
        torchvision_sets.load(config("MNIST"), request_here)


@pytest.mark.slow
def test_whole_mnist_compressed_by_someone(tmp_path: Path) -> None:
    """The published files as .gz in torchvision's layout: unpacked, checked, counted."""
    shutil.copytree(real("MNIST"), tmp_path / "MNIST")
    data = torchvision_sets.load(config("MNIST"), DataRequest(tmp_path, 0, "paper"))
    assert (len(data.train.labels), len(data.test.labels), data.spec.input_shape) == (60_000, 10_000, (1, 28, 28))
    assert torch.bincount(data.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.spec.class_names[0] == "0 - zero"
