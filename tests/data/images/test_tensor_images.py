"""Crop, flip and normalisation of images in memory."""

import numpy as np
import pytest
import torch

from mixupe.data.base import DataRequest
from mixupe.data.images.settings import ImageSettings
from mixupe.data.images.tensor_images import TensorImages, image_bundle, random_crop, random_flip
from mixupe.data.splits import Examples
from mixupe.errors import UserError
from mixupe.rng import generator


def test_crop_without_padding_is_the_identity() -> None:
    images = torch.randn(5, 3, 6, 7)
    assert torch.equal(random_crop(images, 0, generator(0, "augmentation")), images)


def test_crop_gives_each_image_its_own_offset_and_uses_every_offset_equally() -> None:
    # One bright pixel in the middle shows the offset of each image.
    padding, batch = 2, 5000
    images = torch.zeros(batch, 1, 9, 9)
    images[:, :, 4, 4] = 1
    cropped = random_crop(images, padding, generator(0, "augmentation"))
    assert cropped.shape == images.shape
    places = cropped.flatten(1).argmax(dim=1)
    rows, columns = places // 9 - 4, places % 9 - 4
    offsets = (rows + padding) * 5 + columns + padding
    counts = torch.bincount(offsets, minlength=25)
    assert len(counts) == 25
    # 200 expected, standard deviation 13.9.
    assert (counts - 200).abs().max() < 60


def test_crop_moves_all_channels_together_and_fills_with_zeros() -> None:
    images = torch.ones(200, 3, 4, 4)
    cropped = random_crop(images, 1, generator(0, "augmentation"))
    assert torch.equal(cropped[:, 0], cropped[:, 1])
    assert set(cropped[:, 0].sum(dim=(1, 2)).int().tolist()) == {9, 12, 16}


def test_flip_mirrors_half_of_the_images_whole() -> None:
    images = torch.arange(4.0).repeat(2000, 2, 3, 1)
    flipped = random_flip(images, generator(0, "augmentation"))
    mirrored = (flipped == images.flip(-1)).flatten(1).all(dim=1)
    unchanged = (flipped == images).flatten(1).all(dim=1)
    assert (mirrored ^ unchanged).all()
    assert abs(float(mirrored.float().mean()) - 0.5) < 0.05


def test_batches_are_augmented_only_with_a_generator_and_repeat_with_the_same_one() -> None:
    pixels = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
    split = TensorImages(pixels, torch.arange(20), torch.zeros(3), torch.ones(3), crop_padding=2, flip=True)
    index = [torch.arange(20)]
    ((plain, targets),) = split.batches(index)
    ((first, _),) = split.batches(index, generator(0, "augmentation", 0))
    ((again, _),) = split.batches(index, generator(0, "augmentation", 0))
    ((other, _),) = split.batches(index, generator(0, "augmentation", 1))
    assert torch.equal(plain, pixels.float() / 255)
    assert torch.equal(targets, torch.arange(20))
    assert torch.equal(first, again)
    assert not torch.equal(first, plain)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("channels", [1, 3])
def test_training_images_have_mean_0_and_std_1_by_their_own_statistics(
    channels: int, request_here: DataRequest
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (60, channels, 5, 5), dtype=np.uint8)
    labels = np.repeat(np.arange(3), 20)
    settings = ImageSettings(name="x", domain="images", loader="images.digits")
    bundle = image_bundle(pixels, Examples(labels=labels, class_names=("a", "b", "c")), settings, request_here)
    ((images, _),) = bundle.train.batches([torch.arange(len(bundle.train.labels))])
    assert images.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (images.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-5
    mean = bundle.train.mean_input()
    assert mean is not None
    torch.testing.assert_close(mean, images.mean(dim=0), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("pixels", [np.zeros((9, 3, 5, 5), np.float32), np.zeros((9, 5, 5), np.uint8)])
def test_pixels_of_another_type_are_refused(pixels: np.ndarray, request_here: DataRequest) -> None:
    settings = ImageSettings(name="x", domain="images", loader="images.digits")
    examples = Examples(labels=np.arange(9) % 3, class_names=("a", "b", "c"))
    with pytest.raises(UserError, match=r"^dataset: images of x must be uint8 of shape \(N, C, H, W\), got "):
        image_bundle(pixels, examples, settings, request_here)
