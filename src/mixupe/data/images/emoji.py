"""Emoji in color from the packages emoji-datasource-google (Noto) and emoji-datasource-twitter (Twemoji).

One image per emoji and vendor, 32x32 on white; the class is the emoji's category. Skin-tone variants are left out: they
would be near copies of their base emoji.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.decode import Pixels, read_image, to_pixels
from mixupe.data.images.settings import Emoji, Vendor
from mixupe.data.images.tensor_images import TensorImages, image_bundle
from mixupe.data.packages import fetch_package, package_is_here, package_path
from mixupe.data.splits import Examples
from mixupe.errors import UserError

SIZE = 32
NOT_A_CLASS = "Component"  # skin tones on their own: five images


def _packages(config: Emoji) -> list[str]:
    vendors = {config.vendor, config.test_vendor or config.vendor}
    return [f"emoji-datasource-{vendor}" for vendor in sorted(vendors)]


def is_here(config: Emoji, root: Path) -> bool:
    return all(package_is_here(package, root) for package in _packages(config))


def fetch(config: Emoji, root: Path) -> None:
    for package in _packages(config):
        fetch_package(package, root)


def load(config: Emoji, request: DataRequest) -> DataBundle:
    emoji, notes = _emoji(config.vendor, request.root)
    class_names = tuple(sorted({entry["category"] for entry in emoji}))
    labels = np.array([class_names.index(entry["category"]) for entry in emoji], dtype=np.int64)
    pixels = _pixels(config.vendor, emoji, request.root)
    # Some flags are drawn alike (Norway, Svalbard): equal drawings stay on one side of the split.
    groups = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_inverse=True)[1]
    examples = Examples(labels=labels, class_names=class_names, groups=groups, notes=notes)
    bundle = image_bundle(pixels, examples, config, request)
    if config.test_vendor is None:
        return bundle

    others, _ = _emoji(config.test_vendor, request.root)
    if [entry["unified"] for entry in others] != [entry["unified"] for entry in emoji]:
        raise UserError(f"dataset.test_vendor: {config.test_vendor} and {config.vendor} do not have the same emoji")
    drawings = _pixels(config.test_vendor, others, request.root)
    # Normalised with the statistics of the training images, which are the first vendor's.
    assert isinstance(bundle.test, TensorImages)
    test = replace(bundle.test, pixels=torch.from_numpy(drawings[bundle.ids["test"]]))
    return replace(bundle, test=test, validation=test if request.protocol == "paper" else bundle.validation)


def _emoji(vendor: Vendor, root: Path) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The entries of emoji.json that are used, by code point, and what was left out."""
    path = package_path(f"emoji-datasource-{vendor}", root) / "package" / "emoji.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"dataset: {path} cannot be read ({error}); delete its package folder and fetch it again"
        ) from error
    used = [entry for entry in entries if entry["category"] != NOT_A_CLASS]
    variants = sum(len(entry.get("skin_variations", {})) for entry in used)
    notes = (
        f"{len(entries) - len(used)} emoji of category {NOT_A_CLASS} were left out",
        f"{variants} skin-tone variants were left out",
    )
    return sorted(used, key=lambda entry: str(entry["unified"])), notes


def _pixels(vendor: Vendor, emoji: list[dict[str, Any]], root: Path) -> Pixels:
    """(N, 3, 32, 32)."""
    folder = package_path(f"emoji-datasource-{vendor}", root) / "package" / "img" / vendor / "64"
    images = (read_image(folder / Path(entry["image"]).name, channels=3) for entry in emoji)
    return np.stack([to_pixels(image.resize((SIZE, SIZE), Image.Resampling.BOX)) for image in images])
