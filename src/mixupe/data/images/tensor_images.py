"""Images that fit in memory: uint8 on the device; crop, flip and normalisation are batched there."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings, DataSpec
from mixupe.data.examples import Examples
from mixupe.data.splits import Indexes
from mixupe.settings import NonNegativeInt


class ImageSettings(DatasetSettings):
    """Keys of every in-memory image set.

    Attributes:
        crop_padding: pixels of zero padding for a random crop back to the image's size; 0 crops nothing.
        flip: mirror half of the training images left to right.
    """

    crop_padding: NonNegativeInt = 0
    flip: bool = Field(default=False, strict=True)


@dataclass(frozen=True)
class TensorImages:
    """A split of images.

    Attributes:
        pixels: (N, C, H, W) uint8.
        targets: (N,) int64.
        mean, std: (C,) float32 in units of pixel / 255, of the training split.
        crop_padding, flip: see ImageSettings; used only where a batch is asked for with a generator.
    """

    pixels: Tensor
    targets: Tensor
    mean: Tensor
    std: Tensor
    crop_padding: int = 0
    flip: bool = False

    @property
    def labels(self) -> Tensor:
        return self.targets.cpu()

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for number, index in enumerate(indices):
            on_device = index.to(self.targets.device, non_blocking=True)
            pixels = self.pixels[on_device]
            if augment is not None and self.flip:
                pixels = random_flip(pixels, augment)
            images = normalise(pixels, self.mean, self.std)
            if augment is not None and self.crop_padding > 0:
                images = random_crop(images, self.crop_padding, augment)
            if number not in skip:  # those left out have drawn from `augment` as ever
                yield images, self.targets[on_device]

    def mean_input(self) -> Tensor:
        # Normalisation is affine, so the mean of the pixels is enough; in chunks, to keep memory flat.
        total = torch.zeros(self.pixels.shape[1:], dtype=torch.float64, device=self.pixels.device)
        for chunk in torch.split(self.pixels, 4096):
            total += chunk.sum(dim=0, dtype=torch.float64)
        return normalise(total / len(self.pixels), self.mean, self.std)

    def to(self, device: torch.device) -> Self:
        moved = {name: getattr(self, name).to(device) for name in ("pixels", "targets", "mean", "std")}
        return replace(self, **moved)


def normalise(pixels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """float32 (pixels / 255 - mean) / std for pixels (..., C, H, W) of any dtype and mean, std (C,)."""
    # In place: on a CPU most of the time would go into memory for what is between.
    result = pixels.to(torch.float32, copy=True)
    return result.div_(255).sub_(mean[:, None, None]).div_(std[:, None, None])


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Crop each image of (B, C, H, W) back to its size at its own random offset after zero padding."""
    batch, channels, height, width = images.shape
    device = images.device
    offsets = torch.randint(2 * padding + 1, (2, batch), generator=generator, device=generator.device)
    offsets = offsets.to(device, non_blocking=True)
    rows = offsets[0, :, None] + torch.arange(height, device=device)
    columns = offsets[1, :, None] + torch.arange(width, device=device)
    padded = F.pad(images, (padding, padding, padding, padding))
    example = torch.arange(batch, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    return padded[example, channel, rows[:, None, :, None], columns[:, None, None, :]]


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of (B, C, H, W) left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator, device=generator.device) < 0.5
    mirrored = mirrored.to(images.device, non_blocking=True)
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def image_bundle(
    pixels: npt.NDArray[np.uint8], examples: Examples, settings: ImageSettings, request: DataRequest
) -> DataBundle:
    """Split and normalise images, pixels (N, C, H, W) of N examples."""
    indexes = examples.split(settings, request)
    mean, std = channel_statistics(pixels, indexes)

    def split(part: npt.NDArray[np.int64]) -> TensorImages:
        return TensorImages(
            pixels=torch.from_numpy(pixels[part]),
            targets=torch.from_numpy(examples.labels[part]),
            mean=mean,
            std=std,
            crop_padding=settings.crop_padding,
            flip=settings.flip,
        )

    channels, height, width = pixels.shape[1:]
    return indexes.bundle(
        DataSpec("images", examples.class_names, (channels, height, width)),
        split,
        examples.notes,
        # The shorter side becomes the longer of the two, so that the middle covers them.
        {"size": (height, width), "resize": max(height, width), "mean": mean, "std": std},
    )


def channel_statistics(pixels: npt.NDArray[np.uint8], indexes: Indexes) -> tuple[Tensor, Tensor]:
    """Mean and std (C,) of the training pixels in units of pixel / 255, from a histogram per channel."""
    means, stds = [], []
    values = np.arange(256) / 255
    for channel in range(pixels.shape[1]):
        counts = np.bincount(pixels[indexes.train, channel].ravel(), minlength=256)
        mean = float((counts * values).sum() / counts.sum())
        means.append(mean)
        stds.append(float(np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum())) or 1.0)
    return torch.tensor(means), torch.tensor(stds)
