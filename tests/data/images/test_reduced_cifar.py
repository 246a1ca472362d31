"""Reduced CIFAR: chosen by the pixels alone, so from a copy and from the full set the same."""

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mixupe.data.base import DataRequest
from mixupe.data.images import reduced_cifar, torchvision_sets
from mixupe.data.images.settings import ReducedCIFAR
from mixupe.data.registry import is_here, load_dataset
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from tests.data.digest_in import digest_in
from tests.real_data import real

NAMES = ("ant", "bee")
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)  # (N, H, W, C)
PIXELS[6] = PIXELS[4]
LABELS = np.arange(60) % 2
TRAIN, PER_CLASS = 40, 8


def config(digest: str = "0" * 64, **keys: Any) -> ReducedCIFAR:
    base = {"name": "toy", "domain": "images", "loader": "images.reduced_cifar", "torchvision_name": "CIFAR10"}
    return ReducedCIFAR.model_validate({**base, "per_class": PER_CLASS, "content_sha256": digest, **keys})


def request(root: Path) -> DataRequest:
    return DataRequest(root, 0, "heldout")


def write(folder: Path, indices: range | list[int]) -> Path:
    for index in indices:
        place = folder / ("train" if index < TRAIN else "test") / NAMES[LABELS[index]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS[index]).save(place / f"{index:04}.webp", lossless=True)
    return folder


def smallest() -> list[int]:
    """Training images of each class with the smallest SHA-256, by hand, and all test images."""
    chosen = list(range(TRAIN, 60))
    for label in (0, 1):
        of_class = [index for index in range(TRAIN) if LABELS[index] == label]
        chosen += sorted(of_class, key=lambda index: hashlib.sha256(PIXELS[index].tobytes()).hexdigest())[:PER_CLASS]
    return chosen


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torchvision_sets.WholeSet(
        np.ascontiguousarray(PIXELS.transpose(0, 3, 1, 2)), LABELS, NAMES, np.arange(TRAIN, 60)
    )
    monkeypatch.setattr(torchvision_sets, "read_set", lambda config, root: whole)


def digest_of(root: Path, **keys: Any) -> str:
    with pytest.raises(UserError, match="expected is 0000") as caught:
        load_dataset(config(**keys), request(root))
    return digest_in(str(caught.value))


@pytest.mark.usefixtures("full")
def test_a_copy_and_the_full_set_give_the_same(tmp_path: Path) -> None:
    folder = write(tmp_path / "copy" / "toy", smallest())
    everything = write(tmp_path / "all", range(60))
    with tarfile.open(tmp_path / "toy.tar", "w") as opened:
        opened.add(folder, "toy")
    digest = digest_of(tmp_path / "x")
    bundles = [
        load_dataset(config(digest, path=path), request(tmp_path / f"root{number}"))
        for number, path in enumerate((None, folder, tmp_path / "copy", tmp_path / "toy.tar", everything))
    ]
    for other in bundles:
        assert other.split_digest == bundles[0].split_digest
        assert torch.equal(other.train.pixels, bundles[0].train.pixels)  # type: ignore[attr-defined]
    assert [len(part.labels) for part in (bundles[0].train, bundles[0].validation, bundles[0].test)] == [13, 3, 20]
    assert bundles[0].spec.class_names == NAMES
    assert [bundle.notes[0].rpartition("those of ")[2] for bundle in bundles] == [
        *("torchvision's full set", "the copy toy", "the copy copy", "the copy toy.tar", "the copy all")
    ]


def test_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "toy", smallest())
    digest = digest_of(tmp_path, path=folder)
    assert not is_here(config(digest, path=tmp_path / "nothing"), tmp_path)
    first = load_dataset(config(digest, path=folder), request(tmp_path))
    monkeypatch.setattr(reduced_cifar, "read_image", None)
    assert is_here(config(digest, path=tmp_path / "nothing"), tmp_path)
    again = load_dataset(config(digest, path=folder), request(tmp_path))
    assert again.split_digest == first.split_digest
    assert again.notes == first.notes


def test_a_broken_cache_is_made_anew(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", smallest())
    settings = config(digest_of(tmp_path, path=folder), path=folder)
    first = load_dataset(settings, request(tmp_path))
    (cache,) = tmp_path.rglob("reduced_cifar/*.npz")
    whole = cache.read_bytes()
    for content in (b"", whole[:-9], whole[:20_000] + bytes([whole[20_000] ^ 1]) + whole[20_001:]):
        cache.write_bytes(content)
        assert load_dataset(settings, request(tmp_path)).split_digest == first.split_digest


def test_copies_stay_on_one_side(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", range(60))
    keys: dict[str, Any] = {"path": folder, "per_class": 20}
    data = load_dataset(config(digest_of(tmp_path, **keys), **keys), request(tmp_path))
    assert data.notes[1] == "1 image(s) are exact copies of others"
    copied = torch.from_numpy(PIXELS[4].transpose(2, 0, 1))
    parts = (data.train.pixels, data.validation.pixels)  # type: ignore[attr-defined]
    assert sorted(int((pixels == copied).all(dim=(1, 2, 3)).sum()) for pixels in parts) == [0, 2]


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "train").rename(folder / "training"), "has no folders train and test"),
        (
            lambda folder: next((folder / "train" / "ant").iterdir()).unlink(),
            "class 'ant' of the copy toy has 7 training",
        ),
        (lambda folder: next((folder / "test" / "bee").iterdir()).write_bytes(b"RIFF"), "cannot be decoded"),
        (
            lambda folder: Image.new("RGB", (8, 8)).save(folder / "test" / "bee" / "0.png"),
            r"0.png has shape \(3, 8, 8\) instead of \(3, 32, 32\)",
        ),
    ],
)
def test_a_broken_copy_is_one_line(tmp_path: Path, break_it: Any, message: str) -> None:
    folder = write(tmp_path / "toy", smallest())
    break_it(folder)
    with pytest.raises(UserError, match=message) as caught:
        load_dataset(config(path=folder), request(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_copy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.path: .*nothing.tar is not there"):
        load_dataset(config(path=tmp_path / "nothing.tar"), request(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("classes", [10, 100])
def test_whole_real_copies(tmp_path: Path, classes: int) -> None:
    """10,000 training images are a fifth of the set: of each class, the last has a hash about a fifth of the way."""
    with hydra_initialised():
        settings = compose_settings(
            [f"dataset=cifar{classes}_reduced", f"dataset.path={real(f'cifar{classes}_20k.tar')}"]
        ).dataset
    data = load_dataset(settings, DataRequest(tmp_path, 0, "paper"))
    assert torch.bincount(data.train.labels).tolist() == [10_000 // classes] * classes
    assert torch.bincount(data.test.labels).tolist() == [10_000 // classes] * classes
    rows = np.ascontiguousarray(data.train.pixels.numpy().transpose(0, 2, 3, 1))  # type: ignore[attr-defined]
    largest = max(hashlib.sha256(row).digest()[0] for row in rows) / 256
    assert largest == pytest.approx(0.2 if classes == 10 else 0.26, abs=0.02)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "toy.tar").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"^dataset\.path: .*toy\.tar cannot be read \("):
        load_dataset(config(path=tmp_path / "toy.tar"), request(tmp_path))
