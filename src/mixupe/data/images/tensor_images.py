"""Images that fit in memory: uint8 on the device; crop, flip and normalisation are batched there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.data.base import DataBundle, DataRequest, DataSpec
from mixupe.data.images.settings import ImageSettings
from mixupe.data.splits import Examples, Indexes
from mixupe.data.tensors import DeviceSplit
from mixupe.errors import UserError


@dataclass(frozen=True)
class TensorImages(DeviceSplit):
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

    def inputs_at(self, index: Tensor, augment: torch.Generator | None) -> Tensor:
        pixels = self.pixels[index]
        if augment is not None and self.flip:
            pixels = random_flip(pixels, augment)
        images = normalise(pixels, self.mean, self.std)
        if augment is not None and self.crop_padding > 0:
            images = random_crop(images, self.crop_padding, augment)
        return images

    def mean_input(self) -> Tensor:
        # Normalisation is affine, so the mean of the pixels is enough; in chunks, to keep memory flat.
        total = torch.zeros(self.pixels.shape[1:], dtype=torch.float64, device=self.pixels.device)
        for chunk in torch.split(self.pixels, 4096):
            total += chunk.sum(dim=0, dtype=torch.float64)
        return normalise(total / len(self.pixels), self.mean, self.std)


def normalise(pixels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """float32 (pixels / 255 - mean) / std for pixels (..., C, H, W) of any dtype and mean, std (C,)."""
    # In place: on a CPU most of the time would go into memory for what is between.
    result = pixels.to(torch.float32, copy=True)
    return result.div_(255).sub_(mean[:, None, None]).div_(std[:, None, None])


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Crop each image of (B, C, H, W), any dtype, back to its size at its own random offset after zero padding."""
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
    """Mirror each image of (B, C, H, W), any dtype, left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator, device=generator.device) < 0.5
    mirrored = mirrored.to(images.device, non_blocking=True)
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def image_bundle(
    pixels: npt.NDArray[np.uint8], examples: Examples, settings: ImageSettings, request: DataRequest
) -> DataBundle:
    """Split images and find the training statistics.

    Args:
        pixels: (N, C, H, W).
        examples: N of them.

    Raises:
        UserError: as `Examples.split`, or the pixels are of another type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise UserError(
            f"dataset: images of {settings.name} must be uint8 of shape (N, C, H, W), got {pixels.dtype} of {pixels.shape}"
        )
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
