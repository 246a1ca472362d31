"""Corruptions: worse with severity, repeated exactly, and each what it says."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mixupe.data.images.tensor_images import TensorImages
from mixupe.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from mixupe.rng import generator


def images(channels: int = 3, size: int = 32, count: int = 12) -> TensorImages:
    """Smooth textures."""
    noise = torch.rand(count, channels, size, size, generator=generator(0, "texture"))
    pixels = 20 + 200 * torch.nn.functional.avg_pool2d(noise, 5, 1, 2, count_include_pad=False)
    return TensorImages(pixels.byte(), torch.arange(count) % 3, torch.zeros(channels), torch.ones(channels))


def changed(split: TensorImages, name: str, severity: int) -> Tensor:
    return corrupted(split, name, severity, generator(1, "noise")).pixels.float()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_severity_is_further_from_the_image(name: str, channels: int) -> None:
    split = images(channels)
    distances = []
    for severity in SEVERITIES:
        seen = corrupted(split, name, severity, generator(1, "noise"))
        assert seen.pixels.dtype == torch.uint8
        assert seen.pixels.shape == split.pixels.shape
        assert torch.equal(seen.targets, split.targets)
        assert torch.equal(seen.pixels, corrupted(split, name, severity, generator(1, "noise")).pixels)
        distances.append((seen.pixels.float() - split.pixels.float()).square().mean().item())
    assert distances == sorted(distances)
    assert 0 < distances[0] < distances[-1]


def grey(value: int, size: int = 64) -> TensorImages:
    return TensorImages(
        torch.full((40, 1, size, size), value, dtype=torch.uint8), torch.zeros(40).long(), torch.zeros(1), torch.ones(1)
    )


def test_noise_has_its_size() -> None:
    assert changed(grey(128), "gaussian_noise", 2).std().item() / 255 == pytest.approx(0.08, rel=0.02)
    shot = changed(grey(51), "shot_noise", 1) / 255
    assert shot.mean().item() == pytest.approx(0.2, rel=0.01)
    assert shot.std().item() == pytest.approx((0.2 / 100) ** 0.5, rel=0.03)
    impulse = changed(grey(128), "impulse_noise", 4)
    assert [(impulse == value).float().mean().item() for value in (0, 255)] == pytest.approx([0.05, 0.05], rel=0.05)


def test_light_and_blur_by_hand() -> None:
    assert torch.unique(changed(grey(100), "brightness", 2)).tolist() == [151]
    split = images()
    mean = split.pixels.float().mean(dim=(2, 3), keepdim=True)
    expected = mean + 0.5 * (split.pixels.float() - mean)
    assert (changed(split, "contrast", 2) - expected).abs().max() <= 1
    for name in ("defocus_blur", "gaussian_blur", "pixelate"):
        assert torch.unique(changed(grey(100), name, 5)).tolist() == [100], "nothing to blur"
    point = torch.zeros(1, 1, 33, 33, dtype=torch.uint8)
    point[0, 0, 16, 16] = 255
    dot = TensorImages(point, torch.zeros(1).long(), torch.zeros(1), torch.ones(1))
    disk = changed(dot, "defocus_blur", 5)[0, 0]
    radius = 0.1 * 33
    offset = torch.arange(33) - 16
    distance = (offset[:, None].square() + offset.square()).sqrt()
    assert (disk[distance > radius + 0.5] == 0).all()
    inner = disk[distance < radius - 0.5]
    assert inner.min() == inner.max() > 0, "a disk is flat"
    coarse = changed(images(), "pixelate", 3)
    assert all(len(np.unique(channel.numpy(), axis=1)[0]) <= 16 for channel in coarse[0])
