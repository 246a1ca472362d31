"""Common corruptions of test images at five severities, after Hendrycks and Dietterich (ICLR 2019, arXiv 1903.12261).

Nine of their kinds (noise, blur, light, digital), made here from the images at hand. The severities are ours: lengths are
shares of the image's shorter side, so that they mean the same at any size, and results do not compare with CIFAR-10-C's.
"""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from mixupe.data.images.tensor_images import TensorImages

SEVERITIES = (1, 2, 3, 4, 5)
# Images corrupted at a time.
CHUNK = 1024


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption and its five amounts.

    Attributes:
        change: (B, C, H, W) float32 in [0, 1], an amount, a generator on the CPU -> the same, to be clamped to [0, 1].
        amounts: one a severity.
    """

    change: Callable[[Tensor, float, torch.Generator], Tensor]
    amounts: tuple[float, float, float, float, float]


def corrupted(split: TensorImages, name: str, severity: int, generator: torch.Generator) -> TensorImages:
    """The split with each of its images corrupted.

    Args:
        split: of N images, on any device.
        name: one of CORRUPTIONS.
        severity: one of SEVERITIES.
        generator: on the CPU; draws the noise.
    """
    kind = CORRUPTIONS[name]
    pixels = [
        (kind.change(part.float() / 255, kind.amounts[severity - 1], generator).clamp(0, 1) * 255).round().byte()
        for part in torch.split(split.pixels, CHUNK)
    ]
    return replace(split, pixels=torch.cat(pixels))


def _gaussian_noise(x: Tensor, std: float, generator: torch.Generator) -> Tensor:
    return x + std * torch.randn(x.shape, generator=generator).to(x.device)


def _shot_noise(x: Tensor, photons: float, generator: torch.Generator) -> Tensor:
    """Poisson noise; white is `photons` on average."""
    return torch.poisson(x.cpu() * photons, generator=generator).to(x.device) / photons


def _impulse_noise(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Salt and pepper: that share of the values becomes 0 or 1, either as likely."""
    uniform = torch.rand(x.shape, generator=generator).to(x.device)
    return torch.where(uniform < share, (uniform < share / 2).to(x.dtype), x)


def _defocus_blur(x: Tensor, share: float, _: torch.Generator) -> Tensor:
    """The mean over a disk; its border is soft, so that the radius need be no whole number of pixels."""
    radius = share * min(x.shape[-2:])
    reach = math.ceil(radius)
    offset = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    distance = (offset[:, None].square() + offset.square()).sqrt()
    disk = (radius + 0.5 - distance).clamp(0, 1)
    kernel = (disk / disk.sum()).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(x, [reach] * 4, mode="replicate"), kernel, groups=x.shape[1])


def _gaussian_blur(x: Tensor, share: float, _: torch.Generator) -> Tensor:
    sigma = share * min(x.shape[-2:])
    reach = min(math.ceil(3 * sigma), min(x.shape[-2:]) - 1)
    blurred: Tensor = gaussian_blur(x, [2 * reach + 1] * 2, [sigma] * 2)
    return blurred


def _brightness(x: Tensor, more: float, _: torch.Generator) -> Tensor:
    return x + more


def _contrast(x: Tensor, factor: float, _: torch.Generator) -> Tensor:
    """Around each channel's mean over the image."""
    mean = x.mean(dim=(-2, -1), keepdim=True)
    return mean + factor * (x - mean)


def _pixelate(x: Tensor, factor: float, _: torch.Generator) -> Tensor:
    """The image at that share of each side, enlarged again without interpolation."""
    height, width = x.shape[-2:]
    small = F.interpolate(x, [max(1, round(factor * height)), max(1, round(factor * width))], mode="area")
    return F.interpolate(small, [height, width], mode="nearest-exact")


def _jpeg(x: Tensor, quality: float, _: torch.Generator) -> Tensor:
    """Written and read again by Pillow; images of neither one nor three channels channel by channel."""
    pixels = (x * 255).round().byte().cpu().numpy()
    if pixels.shape[1] == 3:
        seen = [_through_jpeg(image.transpose(1, 2, 0), int(quality)).transpose(2, 0, 1) for image in pixels]
    else:
        seen = [np.stack([_through_jpeg(channel, int(quality)) for channel in image]) for image in pixels]
    return torch.from_numpy(np.stack(seen)).to(x.device, x.dtype) / 255


def _through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "gaussian_noise": Corruption(_gaussian_noise, (0.04, 0.08, 0.12, 0.18, 0.26)),
        "shot_noise": Corruption(_shot_noise, (100, 50, 25, 12, 6)),
        "impulse_noise": Corruption(_impulse_noise, (0.01, 0.03, 0.06, 0.1, 0.2)),
        "defocus_blur": Corruption(_defocus_blur, (0.02, 0.035, 0.05, 0.075, 0.1)),
        "gaussian_blur": Corruption(_gaussian_blur, (0.015, 0.025, 0.04, 0.06, 0.08)),
        "brightness": Corruption(_brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
        "contrast": Corruption(_contrast, (0.7, 0.5, 0.35, 0.2, 0.1)),
        "pixelate": Corruption(_pixelate, (0.65, 0.45, 0.35, 0.25, 0.15)),
        "jpeg": Corruption(_jpeg, (50, 30, 20, 12, 7)),
    }
)
