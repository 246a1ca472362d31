"""Fashion-MNIST's IDX files: small ones in the layout of torchvision and of Debian's package."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from mixupe.data.base import DataRequest
from mixupe.data.images import torchvision_sets
from mixupe.data.images.idx_files import FASHION_MNIST
from mixupe.data.images.settings import TorchvisionSet
from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError
from tests.data.images.idx_format import compress, idx_files

CONFIG = TorchvisionSet(
    name="fashion_mnist", domain="images", loader="images.torchvision_sets", torchvision_name="FashionMNIST"
)
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
LABELS = (np.arange(60) % 10).astype(np.uint8)


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The four uncompressed files; their SHA-256 are the published ones for the test."""
    files = idx_files(IMAGES, LABELS, 50)
    for name, content in files.items():
        monkeypatch.setitem(FASHION_MNIST.sha256, name, hashlib.sha256(content).hexdigest())
    return files


@pytest.fixture(autouse=True)
def no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)


def debian_folder(root: Path) -> Path:
    return root / "packages" / "dataset-fashion-mnist" / "usr" / "share" / "datasets" / "fashion-mnist"


def check(request: DataRequest) -> None:
    bundle = torchvision_sets.load(CONFIG, request)
    assert isinstance(bundle.test, TensorImages)
    assert np.array_equal(bundle.test.pixels[:, 0].numpy(), IMAGES[50:])
    assert bundle.test.labels.tolist() == LABELS[50:].tolist()
    assert len(bundle.train.labels) + len(bundle.validation.labels) == 50
    assert bundle.spec.class_names[9] == "Ankle boot"


@pytest.mark.parametrize("place", ["package", "by hand"])
def test_files_compressed_by_someone_else_are_accepted(
    request_here: DataRequest, contents: dict[str, bytes], place: str
) -> None:
    """torchvision alone refuses them: its checksums are of the .gz."""
    root = request_here.root
    compress(debian_folder(root) if place == "package" else FASHION_MNIST.raw_folder(root), contents)
    assert not torchvision_sets.is_here(CONFIG, root)
    torchvision_sets.fetch(CONFIG, root)
    assert torchvision_sets.is_here(CONFIG, root)
    check(request_here)


def test_the_debian_package_is_brought_where_there_is_apt_get(
    request_here: DataRequest, contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bring(package: str, root: Path) -> None:
        assert package == "dataset-fashion-mnist"
        compress(debian_folder(root), contents)

    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torchvision_sets, "fetch_package", bring)
    check(request_here)


def test_where_neither_works_both_reasons_are_told(
    request_here: DataRequest, contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(package: str, root: Path) -> None:
        raise UserError("no such package")

    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torchvision_sets, "fetch_package", fail)
    with pytest.raises(UserError, match="no such package; Error downloading train-images-idx3-ubyte") as error:
        torchvision_sets.load(CONFIG, request_here)
    assert "\n" not in str(error.value)


def test_a_broken_file_is_replaced_from_the_package(request_here: DataRequest, contents: dict[str, bytes]) -> None:
    root = request_here.root
    compress(debian_folder(root), contents)
    torchvision_sets.fetch(CONFIG, root)
    broken = FASHION_MNIST.raw_folder(root) / "train-images-idx3-ubyte"
    broken.write_bytes(broken.read_bytes()[:-1] + b"\0")
    assert not torchvision_sets.is_here(CONFIG, root)
    check(request_here)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[:6], "its 6 bytes have another SHA-256 than the published file's"),
        (lambda content: content[:-1], r"its \d+ bytes have another SHA-256"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), r"its \d+ bytes have another SHA-256"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(
    request_here: DataRequest, contents: dict[str, bytes], change: object, reason: str
) -> None:
    assert callable(change)
    folder = FASHION_MNIST.raw_folder(request_here.root)
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(change(content) if name == "t10k-images-idx3-ubyte" else content)
    problem = FASHION_MNIST.problem(folder)
    assert problem is not None
    assert re.search(f"t10k-images-idx3-ubyte is broken: {reason}", problem)
