"""A user's own images: one folder a class, optionally in parts such as `train` and `test`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from torchvision.transforms import v2

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.class_folders import FileKind, find_examples, find_files
from mixupe.data.content import file_digests, folder_version
from mixupe.data.images.decode import SUFFIXES, UNREADABLE, Pixels, check_all, decoded, read_image, to_pixels
from mixupe.data.images.settings import ImageFolder
from mixupe.data.images.streaming import streaming_bundle
from mixupe.data.images.tensor_images import image_bundle

IMAGES = FileKind("image", SUFFIXES, UNREADABLE)

# Decoded images up to this size are kept in memory. Not a share of the machine's memory: with streaming, training
# images are cropped otherwise, and one config must give one result everywhere.
MEMORY_BYTES = 2 * 2**30
# 12 bits in files of 16, as many cameras write them, end at 16; of 10 bits 4 are left.
DARK = 20


def content_version(config: ImageFolder) -> str:
    """SHA-256 over the images and their paths below the folder; part of a run's identity in place of the path."""
    return folder_version(config.path, find_files(config.path, IMAGES).files)


def load(config: ImageFolder, request: DataRequest) -> DataBundle:
    found = find_examples(config.path, IMAGES, request)
    digests = file_digests(config.path, found.files)
    groups = np.unique(digests, return_inverse=True)[1]
    notes = found.notes
    if copies := len(digests) - len(set(digests)):
        where = "the parts were left as they are" if found.has_parts else "copies are split as one"
        notes += (f"{copies} image(s) are exact copies of others; {where}",)
    if disputed := len(np.unique(np.stack([groups, found.labels]), axis=1).T) - len(set(digests)):
        notes += (f"{disputed} of them are in another class than the image that they copy; look at their labels",)

    size, channels = config.image_size, config.channels
    needed = len(found.files) * channels * size**2
    in_memory = needed <= MEMORY_BYTES if config.in_memory == "auto" else config.in_memory
    cache = request.root / "cache" / "image_folder"
    if not in_memory:
        notes += (f"images are streamed ({needed:,} bytes decoded): random resized crops instead of crop_padding",)
        check_all(found.files, channels, cache)
        return streaming_bundle(found.files, replace(found, groups=groups, notes=notes), config, request, channels)

    middle = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])

    def decode(path: Path) -> Pixels:
        return to_pixels(middle(read_image(path, channels)))

    pixels = decoded(found.files, decode, (channels, size, size), cache, what="middle square")
    if (brightest := int(pixels.max())) < DARK:
        notes += (
            f"no pixel is brighter than {brightest} of 255, so that few shades are left: files of 16 bits that use fewer, or"
            " masks; spread their values over the whole range first",
        )
    return image_bundle(pixels, replace(found, groups=groups, notes=notes), config, request)
