"""Tiny-ImageNet's layout, three classes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mixupe.data.base import DataRequest
from mixupe.data.images import tiny_imagenet
from mixupe.data.images.decode import read_image, to_pixels
from mixupe.data.images.settings import TinyImageNet
from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError
from tests.data.images.conftest import WriteImage

WNIDS = ("n02124075", "n01443537", "n04067472")
CONFIG = TinyImageNet(name="tiny_imagenet", domain="images", loader="images.tiny_imagenet")


@pytest.fixture
def folder(request_here: DataRequest, write_image: WriteImage, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tiny_imagenet, "CLASSES", 3)
    monkeypatch.setattr(tiny_imagenet, "TRAIN_IMAGES_PER_CLASS", 5)
    monkeypatch.setattr(tiny_imagenet, "TEST_IMAGES", 4)
    folder = request_here.root / "tiny-imagenet-200"
    for label, wnid in enumerate(WNIDS):
        for number in range(5):
            path = folder / "train" / wnid / "images" / f"{wnid}_{number}.JPEG"
            write_image(path, (64, 64), seed=10 * label + number, mode="L" if number == 2 else "RGB")
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text("")
    lines = []
    for number in range(4):
        write_image(folder / "val" / "images" / f"val_{number}.JPEG", (64, 64), seed=100 + number)
        lines.append(f"val_{number}.JPEG\t{WNIDS[number % 3]}\t0\t32\t44\t62\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in WNIDS))
    return folder


def test_official_validation_images_are_the_test_part(folder: Path, request_here: DataRequest) -> None:
    bundle = tiny_imagenet.load(CONFIG, request_here)
    assert bundle.spec.class_names == WNIDS
    assert bundle.spec.input_shape == (3, 64, 64)
    assert bundle.test.labels.tolist() == [0, 1, 2, 0]
    assert torch.bincount(torch.cat([bundle.train.labels, bundle.validation.labels])).tolist() == [5, 5, 5]
    assert isinstance(bundle.test, TensorImages)
    expected = to_pixels(read_image(folder / "val" / "images" / "val_2.JPEG", channels=3))
    assert np.array_equal(bundle.test.pixels[2].numpy(), expected)


def test_absent_set_says_what_to_put_where(request_here: DataRequest) -> None:
    assert not tiny_imagenet.is_here(CONFIG, request_here.root)
    with pytest.raises(UserError, match=r"tiny-imagenet-200 is not there; get tiny-imagenet-200\.zip .* into .*data"):
        tiny_imagenet.load(CONFIG, request_here)


def _fewer_classes(folder: Path) -> None:
    (folder / "wnids.txt").write_text(f"{WNIDS[0]}\n{WNIDS[1]}\n{WNIDS[1]}\n")


def _no_annotations(folder: Path) -> None:
    (folder / "val" / "val_annotations.txt").unlink()


def _no_training_image(folder: Path) -> None:
    (folder / "train" / WNIDS[1] / "images" / f"{WNIDS[1]}_3.JPEG").unlink()


def _no_test_image(folder: Path) -> None:
    (folder / "val" / "images" / "val_1.JPEG").unlink()


def _unknown_class(folder: Path) -> None:
    (folder / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn00000000\t0\t0\t1\t1\n")


def _corrupt_image(folder: Path) -> None:
    path = folder / "train" / WNIDS[2] / "images" / f"{WNIDS[2]}_0.JPEG"
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_fewer_classes, r"wnids\.txt lists 2 different classes instead of 3"),
        (_no_annotations, r"val_annotations\.txt is not there"),
        (_no_training_image, r"n01443537.images holds 4 images instead of 5"),
        (_no_test_image, r"val_1\.JPEG is not there, .*val_annotations\.txt line 2 lists it"),
        (_unknown_class, r"line 1: 'n00000000' is not a class"),
        (_corrupt_image, r"n04067472_0\.JPEG cannot be decoded"),
    ],
)
def test_damage_is_one_line_that_names_the_file(
    folder: Path, request_here: DataRequest, damage: object, message: str
) -> None:
    assert callable(damage)
    damage(folder)
    with pytest.raises(UserError, match=message) as error:
        tiny_imagenet.load(CONFIG, request_here)
    assert "\n" not in str(error.value)
