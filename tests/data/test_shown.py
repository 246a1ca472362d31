"""Examples in a form for people."""

import numpy as np
import pytest
import torch

from mixupe.data.base import DataSpec
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.shown import shown


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 6)), (2, (4, 6)), (3, (4, 6, 3)), (4, (4, 6)), (5, (4, 6))])
def test_an_image_of_any_number_of_channels_is_a_picture(channels: int, shape: tuple[int, ...]) -> None:
    pixels = torch.arange(channels * 24, dtype=torch.uint8).reshape(1, channels, 4, 6)
    split = TensorImages(
        pixels, torch.zeros(1, dtype=torch.int64), torch.zeros(channels), torch.ones(channels), 0, False
    )
    seen = shown(split, 0, DataSpec("images", ("a",), (channels, 4, 6)), None).pixels
    assert seen is not None
    assert seen.dtype == np.uint8
    assert seen.shape == shape
    values = pixels[0].numpy()
    assert np.array_equal(seen, values.transpose(1, 2, 0) if channels == 3 else values.mean(axis=0).round())
