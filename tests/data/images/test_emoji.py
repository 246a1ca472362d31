"""The emoji packages: small ones in their layout, and the real ones where they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mixupe.data.base import DataRequest
from mixupe.data.images import emoji
from mixupe.data.images.settings import Emoji
from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError

CATEGORIES = ("Flags", "Objects", "Component")


def config(**values: Any) -> Emoji:
    return Emoji.model_validate({"name": "emoji", "domain": "images", "loader": "images.emoji", **values})


def write_package(root: Path, vendor: str, brightness: int) -> Path:
    """30 emoji in three categories, every second with a skin-tone variant; red level = number, blue = brightness."""
    package = root / "packages" / f"emoji-datasource-{vendor}" / "package"
    images = package / "img" / vendor / "64"
    images.mkdir(parents=True)
    entries = []
    for number in reversed(range(30)):
        unified = f"1F6{number:02}"
        image = Image.new("RGBA", (64, 64), (5 * number, 0, brightness, 255))
        image.paste((9, 9, 9, 0), (0, 0, 64, 32))  # transparent: white whatever its color
        image.save(images / f"{unified.lower()}.png")
        entry: dict[str, Any] = {"unified": unified, "image": f"{unified.lower()}.png"}
        entry["category"] = CATEGORIES[number % 3]
        if number % 2:
            entry["skin_variations"] = {"1F3FB": {"image": f"{unified.lower()}-1f3fb.png"}}
        entries.append(entry)
    (package / "emoji.json").write_text(json.dumps(entries))
    return package


@pytest.fixture
def packages(request_here: DataRequest) -> Path:
    write_package(request_here.root, "google", brightness=100)
    return write_package(request_here.root, "twitter", brightness=200)


def test_images_are_on_white_and_components_and_variants_are_left_out(
    packages: Path, request_here: DataRequest
) -> None:
    bundle = emoji.load(config(), request_here)
    assert bundle.spec.class_names == ("Flags", "Objects")
    assert bundle.spec.input_shape == (3, 32, 32)
    assert bundle.notes == (
        "10 emoji of category Component were left out",
        "10 skin-tone variants were left out",
    )
    pixels = []
    for part in (bundle.train, bundle.validation, bundle.test):
        assert isinstance(part, TensorImages)
        pixels.append(part.pixels)
        assert (part.pixels[:, :, :16] == 255).all()
        assert (part.pixels[:, 0, 31, 0] // 5 % 3 == part.labels).all()
    reds = torch.cat(pixels)[:, 0, 31, 0]
    assert sorted(reds.tolist()) == [5 * number for number in range(30) if number % 3 != 2]


def test_another_vendor_is_tested_at_the_same_emoji(packages: Path, request_here: DataRequest) -> None:
    same, transfer = (emoji.load(config(test_vendor=vendor), request_here) for vendor in (None, "twitter"))
    assert transfer.split_digest == same.split_digest
    for part, blue in ((transfer.train, 100), (transfer.validation, 100), (transfer.test, 200)):
        assert isinstance(part, TensorImages)
        assert (part.pixels[:, 2, 31] == blue).all()
    assert isinstance(same.test, TensorImages)
    assert isinstance(transfer.test, TensorImages)
    assert torch.equal(same.test.pixels[:, 0], transfer.test.pixels[:, 0])
    assert torch.equal(same.test.mean, transfer.test.mean)


def test_with_protocol_paper_validation_is_the_other_vendor_too(packages: Path, request_here: DataRequest) -> None:
    request = DataRequest(request_here.root, seed=0, protocol="paper")
    bundle = emoji.load(config(test_vendor="twitter"), request)
    assert isinstance(bundle.validation, TensorImages)
    assert (bundle.validation.pixels[:, 2, 31] == 200).all()


def test_equal_drawings_are_on_one_side(packages: Path, request_here: DataRequest) -> None:
    images = packages.parents[1] / "emoji-datasource-google" / "package" / "img" / "google" / "64"
    for number in (3, 6, 9):
        (images / f"1f6{number:02}.png").write_bytes((images / "1f600.png").read_bytes())
    bundle = emoji.load(config(), request_here)
    counts = []
    for part in (bundle.train, bundle.validation, bundle.test):
        assert isinstance(part, TensorImages)
        counts.append(int((part.pixels[:, 0, 31, 0] == 0).sum()))
    assert sorted(counts) == [0, 0, 4]


def test_a_missing_package_and_a_broken_file_are_one_line(packages: Path, request_here: DataRequest) -> None:
    assert emoji.is_here(config(test_vendor="twitter"), request_here.root)
    (packages / "emoji.json").write_text("[")
    with pytest.raises(UserError, match=r"emoji\.json cannot be read .* delete its package folder") as error:
        emoji.load(config(vendor="twitter"), request_here)
    assert "\n" not in str(error.value)
    (packages.parent.parent / "emoji-datasource-google").rename(packages.parent.parent / "elsewhere")
    assert not emoji.is_here(config(), request_here.root)
    with pytest.raises(UserError, match="emoji-datasource-google is not there"):
        emoji.load(config(), request_here)


REAL = Path(__file__).parents[3] / "data"


@pytest.mark.slow
@pytest.mark.skipif(not emoji.is_here(config(test_vendor="twitter"), REAL), reason="emoji packages are not fetched")
@pytest.mark.parametrize("vendor", ["google", "twitter"])
def test_the_real_packages(vendor: str) -> None:
    bundle = emoji.load(config(vendor=vendor), DataRequest(REAL, seed=0, protocol="heldout"))
    assert bundle.spec.num_classes == 9
    labels = np.concatenate([part.labels.numpy() for part in (bundle.train, bundle.validation, bundle.test)])
    assert len(labels) == 1906
    assert bundle.notes[1].startswith("1875 ")
