"""What every kind of split does alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mixupe.data.base import Split
from mixupe.data.images.streaming import StreamingImages
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.speech.log_mel import LogMel
from mixupe.data.speech.waveforms import Waveforms
from mixupe.data.tensors import TensorSplit
from mixupe.rng import generator
from tests.data.graphs.test_flat import random_graphs

SIZE = 7
Y = torch.arange(SIZE) % 2


def streaming(folder: Path) -> Split:
    pixels = np.random.default_rng(0).integers(256, size=(SIZE, 24, 20, 3), dtype=np.uint8)
    files = [folder / f"{number}.png" for number in range(SIZE)]
    for file, image in zip(files, pixels, strict=True):
        Image.fromarray(image).save(file)
    return StreamingImages(np.array([str(file).encode() for file in files]), Y, torch.zeros(3), torch.ones(3), 16)


def images(_folder: Path) -> Split:
    pixels = torch.randint(256, (SIZE, 3, 8, 8), dtype=torch.uint8, generator=generator(0, "pixels"))
    return TensorImages(pixels, Y, torch.zeros(3), torch.ones(3), crop_padding=2, flip=True)


def waveforms(_folder: Path) -> Split:
    waves = torch.randint(-9000, 9000, (SIZE, 1600), dtype=torch.int16, generator=generator(0, "waves"))
    return Waveforms(waves, Y, torch.zeros(20), torch.ones(20), LogMel(16000, 20), time_shift=100, gain=6.0)


SPLITS: dict[str, Callable[[Path], Split]] = {
    "streaming": streaming,
    "images": images,
    "waveforms": waveforms,
    "tensors": lambda _folder: TensorSplit(torch.arange(SIZE)[:, None].float(), Y),
    "graphs": lambda _folder: random_graphs(2)[1],
}


def plain(inputs: Any) -> Tensor:
    return inputs if isinstance(inputs, Tensor) else inputs.x


@pytest.mark.parametrize("name", SPLITS)
def test_batches_beside_those_left_out_are_what_they_would_be(tmp_path: Path, name: str) -> None:
    split = SPLITS[name](tmp_path)
    indices = torch.split(torch.randperm(SIZE, generator=generator(0, "order")), 2)
    whole = list(split.batches(indices, generator(0, "augment")))
    for skip in ((), range(1), range(3), range(4), {0, 2}, {1, 3}):
        rest = list(split.batches(indices, generator(0, "augment"), skip=skip))
        expected = [batch for number, batch in enumerate(whole) if number not in skip]
        for (x, y), (expected_x, expected_y) in zip(rest, expected, strict=True):
            assert torch.equal(plain(x), plain(expected_x))
            assert torch.equal(y, expected_y)
