"""Images decoded by worker processes."""

import gc
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mixupe.data.base import DataRequest
from mixupe.data.images import streaming
from mixupe.data.images.decode import read_image, to_pixels
from mixupe.data.images.settings import StreamingSettings
from mixupe.data.images.streaming import StreamingImages, streaming_bundle
from mixupe.data.splits import Examples
from mixupe.errors import UserError
from mixupe.rng import generator
from tests.data.images.conftest import WriteImage

LABELS = np.arange(24) % 2


@pytest.fixture
def files(tmp_path: Path, write_image: WriteImage) -> list[Path]:
    return [write_image(tmp_path / f"{n:02}.png", (20 + n, 30), seed=n) for n in range(24)]


@pytest.fixture
def train(files: list[Path], request_here: DataRequest) -> Callable[[int], StreamingImages]:
    """train(workers): the training part."""

    def load(workers: int) -> StreamingImages:
        settings = StreamingSettings(
            name="x", domain="images", loader="images.image_folder", image_size=16, workers=workers
        )
        bundle = streaming_bundle(files, Examples(labels=LABELS, class_names=("a", "b")), settings, request_here)
        assert isinstance(bundle.train, StreamingImages)
        return bundle.train

    return load


def all_batches(split: StreamingImages, augment: torch.Generator | None = None, size: int = 4) -> Tensor:
    batches = list(split.batches(torch.split(torch.arange(len(split.labels)), size), augment))
    assert torch.equal(torch.cat([targets for _, targets in batches]), split.labels)
    return torch.cat([images for images, _ in batches])


@pytest.mark.parametrize("chunk", [64, 3])
def test_results_do_not_depend_on_workers_or_batches(
    train: Callable[[int], StreamingImages], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(streaming, "CHUNK", chunk)
    none, two = train(0), train(2)
    assert torch.equal(none.mean, two.mean)
    assert torch.equal(all_batches(none), all_batches(two))
    alone = all_batches(none, generator(0, "augmentation", 3))
    assert torch.equal(alone, all_batches(two, generator(0, "augmentation", 3)))
    assert torch.equal(alone, all_batches(none, generator(0, "augmentation", 3), size=5))


def test_workers_live_on_from_pass_to_pass_also_after_one_that_was_left(
    train: Callable[[int], StreamingImages],
) -> None:
    split = train(2)
    whole = all_batches(split, generator(0, "augmentation"))
    pids = {worker.pid for worker in multiprocessing.active_children()}
    next(split.batches([torch.arange(8)] * 5, generator(0, "other")))
    assert torch.equal(all_batches(split, generator(0, "augmentation")), whole)
    assert {worker.pid for worker in multiprocessing.active_children()} == pids
    del split
    gc.collect()
    assert not pids & {worker.pid for worker in multiprocessing.active_children()}


def test_a_program_ends_though_its_split_is_still_there(files: list[Path]) -> None:
    # As after an error, whose traceback keeps the split.
    program = f"""
import numpy as np, torch
from mixupe.data.images.streaming import StreamingImages
names = np.array([{str(files[0])!r}.encode()] * 4)
split = StreamingImages(names, torch.zeros(4, dtype=torch.int64), torch.zeros(3), torch.ones(3), 16, workers=1)
passes = split.batches([torch.arange(4)] * 2)
next(passes)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_each_epoch_and_each_example_has_its_own_crop(tmp_path: Path, write_image: WriteImage) -> None:
    file = str(write_image(tmp_path / "a.png", (32, 32))).encode()
    split = StreamingImages(np.array([file] * 6), torch.zeros(6, dtype=torch.int64), torch.zeros(3), torch.ones(3), 16)
    first, second = (all_batches(split, generator(0, "augmentation", epoch)) for epoch in (0, 1))
    assert len(torch.unique(torch.cat([first, second]).flatten(1), dim=0)) == 12


@pytest.mark.parametrize("workers", [0, 2])
def test_the_global_random_state_is_left_alone(train: Callable[[int], StreamingImages], workers: int) -> None:
    split = train(workers)
    before = torch.get_rng_state()
    all_batches(split, generator(0, "augmentation"))
    assert torch.equal(torch.get_rng_state(), before)


def test_without_augmentation_the_middle_of_the_scaled_image_is_seen(tmp_path: Path) -> None:
    from PIL import Image

    image = Image.new("RGB", (64, 32), "black")
    image.paste("white", (16, 0, 48, 32))
    image.save(tmp_path / "a.png")
    name = np.array([str(tmp_path / "a.png").encode()])
    split = StreamingImages(name, torch.zeros(1, dtype=torch.int64), torch.zeros(3), torch.ones(3), 16)
    assert (all_batches(split) == 1).all()


def test_mean_input_and_statistics_are_of_the_training_images_as_the_model_sees_them(
    train: Callable[[int], StreamingImages],
) -> None:
    split = train(0)
    images = all_batches(split)
    torch.testing.assert_close(split.mean_input(), images.mean(dim=0), atol=1e-5, rtol=1e-5)
    assert images.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (images.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-4


@pytest.mark.parametrize("workers", [0, 2])
def test_a_corrupt_image_is_one_line_also_from_a_worker(
    train: Callable[[int], StreamingImages], files: list[Path], workers: int
) -> None:
    split = train(workers)
    broken = Path(split.files[5].decode())
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(UserError, match=f"image {broken} cannot be decoded") as error:
        all_batches(split)
    assert "\n" not in str(error.value)


def test_grey_images_have_one_channel(files: list[Path], request_here: DataRequest) -> None:
    settings = StreamingSettings(name="x", domain="images", loader="images.image_folder", image_size=16, workers=0)
    bundle = streaming_bundle(
        files, Examples(labels=LABELS, class_names=("a", "b")), settings, request_here, channels=1
    )
    ((images, _),) = bundle.test.batches([torch.arange(2)])
    assert bundle.spec.input_shape == (1, 16, 16)
    assert images.shape == (2, 1, 16, 16)
    assert to_pixels(read_image(files[0], channels=1)).shape == (1, 30, 20)


@pytest.mark.gpu
def test_batches_arrive_on_the_gpu(train: Callable[[int], StreamingImages]) -> None:
    split = train(2)
    indices = torch.split(torch.arange(len(split.labels)), 4)
    on_gpu = [images for images, _ in split.to(torch.device("cuda")).batches(indices)]
    assert all(images.is_cuda for images in on_gpu)
    torch.testing.assert_close(torch.cat(on_gpu).cpu(), all_batches(split))
