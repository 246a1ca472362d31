"""New images for a trained model: scaled and cut to the size it sees, normalised by its training statistics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from mixupe.data.base import DatasetSettings, DataSpec, Preparation
from mixupe.data.class_folders import chosen_files
from mixupe.data.images.decode import read_image, to_pixels
from mixupe.data.images.image_folder import IMAGES
from mixupe.data.images.modes import in_8_bits
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.new_files import NewExamples


def read(source: Any, settings: DatasetSettings, spec: DataSpec, preparation: Preparation) -> NewExamples:  # noqa: ARG001 - all readers take the same
    """As `mixupe.data.new_files.read_new`: an image file, a folder of them, or images of Pillow's.

    What is not of the size that the model sees is scaled, and its middle is kept.
    """
    channels = spec.input_shape[0]
    if isinstance(source, Image.Image):
        source = [source]
    notes: tuple[str, ...] = ()
    if isinstance(source, Sequence) and source and isinstance(source[0], Image.Image):
        images = [in_8_bits(image, channels) for image in source]
        names: tuple[str, ...] = tuple(str(number) for number in range(1, len(images) + 1))
    else:
        files, names, notes = chosen_files(source, IMAGES)
        images = [read_image(file, channels) for file in files]
    middle = v2.Compose([v2.Resize(preparation["resize"]), v2.CenterCrop(preparation["size"])])
    size = tuple(reversed(preparation["size"]))
    # Streamed images are scaled to more than that and lose a margin, whatever their size.
    kept = size if preparation["resize"] == max(size) else None
    pixels = np.stack([to_pixels(image if image.size == kept else middle(image)) for image in images])
    split = TensorImages(
        torch.from_numpy(pixels),
        torch.zeros(len(images), dtype=torch.int64),
        preparation["mean"],
        preparation["std"],
    )
    return NewExamples("file", names, split, notes)
