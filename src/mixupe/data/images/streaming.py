"""Images that do not fit in memory: decoded and cropped by worker processes while the model trains.

Random crops and flips are a function of one draw from the run's generator and of the example, so they depend neither on
the number of workers nor on their speed.
"""

import atexit
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from mixupe.data.base import DataBundle, DataRequest, DataSpec
from mixupe.data.images.decode import read_image, to_pixels
from mixupe.data.images.settings import StreamingSettings
from mixupe.data.images.tensor_images import normalise
from mixupe.data.splits import Examples
from mixupe.errors import UserError
from mixupe.preemption import leave_signals_to_the_parent
from mixupe.rng import generator, stream_seed

# Images a worker decodes at a time. Of a whole batch a pass would wait long for the first, and all of them, twice as many as
# there are workers, would lie in shared memory: of 1,024 images of 224x224 with 8 workers, 2.5 GB.
CHUNK = 64
# Normalisation and the mean input come from that many training images: of a million, more would tell nothing new.
STATISTICS_IMAGES = 2048


@dataclass(frozen=True)
class StreamingImages:
    """A split of image files.

    Attributes:
        files: (N,) encoded paths; one array, because a list of a million strings is copied by every worker in the end.
        targets: (N,) int64 on the CPU.
        mean, std: (C,) float32 in units of pixel / 255, of the training split.
        size, flip, workers: see StreamingSettings.
        device: where batches are put.
    """

    files: npt.NDArray[np.bytes_]
    targets: Tensor
    mean: Tensor
    std: Tensor
    size: int
    flip: bool = True
    workers: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def labels(self) -> Tensor:
        return self.targets

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Tensor, Tensor]]:
        mean, std = self.mean.to(self.device), self.std.to(self.device)
        wanted = (index for number, index in enumerate(indices) if number not in skip)
        for chunks in self._decoded(wanted, augment):
            on_device = [part.to(self.device, non_blocking=True) for chunk in chunks for part in chunk]
            yield normalise(torch.cat(on_device[::2]), mean, std), torch.cat(on_device[1::2])

    def mean_input(self) -> Tensor:
        """Mean over a fixed random subset of at most STATISTICS_IMAGES center crops, (C, H, W) on the split's device."""
        mean_pixels, _, _ = self.statistics()
        return normalise(mean_pixels * 255, self.mean, self.std).to(self.device)

    def statistics(self) -> tuple[Tensor, Tensor, Tensor]:
        """Over the same subset, in units of pixel / 255: mean (C, H, W) per pixel, mean (C,) and std (C,) per channel."""
        subset = torch.randperm(len(self.targets), generator=generator(0, "statistics"))[:STATISTICS_IMAGES]
        total = torch.zeros((len(self.mean), self.size, self.size), dtype=torch.float64)
        squares = torch.zeros(len(self.mean), dtype=torch.float64)
        for ((pixels, _),) in self._decoded(torch.split(subset, CHUNK)):
            unit = pixels.double() / 255
            total += unit.sum(dim=0)
            squares += unit.square().sum(dim=(0, 2, 3))
        mean_pixels = total / len(subset)
        mean = mean_pixels.mean(dim=(1, 2))
        std = (squares / (len(subset) * self.size**2) - mean.square()).clamp_min(0).sqrt()
        return mean_pixels.float(), mean.float(), torch.where(std > 0, std, 1.0).float()

    def to(self, device: torch.device) -> Self:
        return replace(self, device=device)

    def _decoded(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None
    ) -> Iterator[list[tuple[Tensor, Tensor]]]:
        """Each batch in chunks of uint8 (n, C, H, W) and labels (n,), pinned where they go to a GPU."""
        draw = None if augment is None else int(torch.randint(2**62, (), generator=augment))
        chunks_of: deque[int] = deque()  # the batches that workers are at, the oldest first

        def jobs() -> Iterator[_Job]:
            for index in indices:
                chunks = torch.split(index, CHUNK)
                chunks_of.append(len(chunks))
                yield from ((draw, chunk.tolist()) for chunk in chunks)

        loader, queue = self._workers
        queue.jobs = jobs()
        chunks: list[tuple[Tensor, Tensor]] = []
        for chunk in _results(loader):
            chunks.append(chunk)
            if len(chunks) == chunks_of[0]:
                yield chunks
                chunks_of.popleft()
                chunks = []

    @cached_property
    def _workers(self) -> tuple[DataLoader[Any], "_Queue"]:
        """The processes that decode, started at the first pass and there until the split is gone, and their work."""
        queue = _Queue()
        loader: DataLoader[Any] = DataLoader(
            _Chunks(self.files, self.targets, len(self.mean), self.size, self.flip),
            batch_size=None,  # an item is a whole chunk
            sampler=queue,
            num_workers=min(self.workers, len(os.sched_getaffinity(0))),  # with more, torch warns
            persistent_workers=self.workers > 0,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # or the loader would draw from torch's global one
            worker_init_fn=leave_signals_to_the_parent,
        )
        return loader, queue


def _results(loader: DataLoader[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass of a loader over _Chunks.

    Raises:
        UserError: that an item raised in a worker.
        RuntimeError: a worker died; it names "DataLoader worker", wherever this was noticed.
    """
    with _no_error_out_of_the_blue():
        results = iter(loader)
    atexit.unregister(_end_workers)
    atexit.register(_end_workers)  # the last is called first: a hook of torch's would wait five seconds for each worker
    while True:
        try:
            chunk = next(results, None)
        except (ConnectionError, EOFError, FileNotFoundError) as error:
            # It had announced a chunk and died before the chunk's shared memory was handed over.
            raise RuntimeError("DataLoader worker exited unexpectedly") from error
        if isinstance(chunk, UserError):
            raise chunk
        if chunk is None:
            return
        yield chunk


def _end_workers() -> None:
    """End the workers of splits that are still there at exit, as after an error, whose traceback keeps them.

    multiprocessing would send SIGTERM, which they leave to their parent, and wait for them for ever.
    """
    for worker in multiprocessing.active_children():
        if worker.daemon:
            worker.kill()


@contextmanager
def _no_error_out_of_the_blue() -> Iterator[None]:
    """Keep torch's handler of SIGCHLD out.

    When a worker dies, it raises wherever this process happens to be, once for each child that ends from then on: in the
    lines that store the run as FAILED, or in the next run of a sweep. Without it, the loader raises where the next chunk is
    waited for, within five seconds.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can set handlers; torch does not try elsewhere
        return
    handler = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, handler or signal.SIG_DFL)


# The draw that a pass's crops come from, None without; and the numbers of a chunk's examples.
_Job = tuple[int | None, list[int]]


class _Queue:
    """What a loader, which is made once, is to do in its next pass."""

    jobs: Iterator[_Job]

    def __iter__(self) -> Iterator[_Job]:
        return self.jobs


def shorter_side(size: int) -> int:
    """What the shorter side of an image is scaled to before the middle square of that size is cut out."""
    return round(size * 256 / 224)


class _Chunks(Dataset[tuple[Tensor, Tensor] | UserError]):
    """From a chunk's examples to their pixels and labels; runs in the worker processes."""

    def __init__(self, files: npt.NDArray[np.bytes_], targets: Tensor, channels: int, size: int, flip: bool) -> None:
        self.files, self.targets, self.channels = files, targets, channels
        self.middle = v2.Compose([v2.Resize(shorter_side(size)), v2.CenterCrop(size)])
        self.random = v2.Compose([v2.RandomResizedCrop(size), v2.RandomHorizontalFlip(0.5 if flip else 0.0)])

    def __getitem__(self, job: _Job) -> tuple[Tensor, Tensor] | UserError:
        draw, index = job
        try:
            pixels = torch.stack([self._pixels(number, draw) for number in index])
        except UserError as error:  # returned, because the loader would wrap what is raised in a worker's traceback
            return error
        return pixels, self.targets[index]

    def _pixels(self, number: int, draw: int | None) -> Tensor:
        image = read_image(Path(os.fsdecode(self.files[number])), self.channels)
        if draw is None:
            return torch.from_numpy(np.array(to_pixels(self.middle(image))))
        # v2's transforms draw from torch's global CPU generator: set it for this example, put it back afterwards.
        # torch.manual_seed would set the GPU's generator too.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(draw, "crop", number))
            return torch.from_numpy(np.array(to_pixels(self.random(image))))


def streaming_bundle(
    files: Sequence[Path], examples: Examples, settings: StreamingSettings, request: DataRequest, channels: int = 3
) -> DataBundle:
    """Split image files; normalise by statistics of training images.

    Args:
        files: of N examples.
        channels: 1 for grey, 3 for RGB.
    """
    indexes = examples.split(settings, request)
    encoded = np.array([os.fsencode(file) for file in files])

    def split(part: npt.NDArray[np.int64], mean: Tensor, std: Tensor) -> StreamingImages:
        targets = torch.from_numpy(examples.labels[part])
        return StreamingImages(encoded[part], targets, mean, std, settings.image_size, settings.flip, settings.workers)

    _, mean, std = split(indexes.train, torch.zeros(channels), torch.ones(channels)).statistics()
    return indexes.bundle(
        DataSpec("images", examples.class_names, (channels, settings.image_size, settings.image_size)),
        partial(split, mean=mean, std=std),
        examples.notes,
        {
            "size": (settings.image_size, settings.image_size),
            "resize": shorter_side(settings.image_size),
            "mean": mean,
            "std": std,
        },
    )
