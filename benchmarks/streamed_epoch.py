"""Training epochs on streamed images, as scripts/train.py runs them, with waits and memory observed."""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.epoch_timer import EpochTimer, Stopwatch, TimedSplit, trainer_of
from benchmarks.nets import has_bf16
from benchmarks.options import Options
from benchmarks.processes import tree_memory
from mixupe.data.base import DataBundle
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.prepare import load_data

QUARTERS = 4


def image_size(options: Options) -> int:
    return options.size(cpu=224, gpu=224, quick=32)


def precision(options: Options) -> str:
    """Of the networks trained on streamed images."""
    return "bf16" if has_bf16(options) else "float32"


def _dataset_overrides(jpegs: Path, size: int, workers: int) -> list[str]:
    return [
        "dataset=image_folder",
        f"dataset.path={jpegs}",
        "dataset.in_memory=false",
        f"dataset.image_size={size}",
        "dataset.flip=true",
        f"dataset.workers={workers}",
        "dataset.test_fraction=0.05",
    ]


def streamed_bundle(jpegs: Path, size: int, workers: int) -> DataBundle:
    """The folder as the data set image_folder."""
    with hydra_initialised():
        settings = compose_settings([*_dataset_overrides(jpegs, size, workers), "logger=none"])
    return load_data(settings)


@dataclass(frozen=True)
class StreamedEpoch:
    """What an epoch of streamed images took.

    Attributes:
        seconds: of the training part.
        waits: for each batch, in seconds.
        memory: bytes held by the process and its workers after each quarter of the batches.
    """

    seconds: float
    waits: list[float]
    memory: list[int]


@dataclass(frozen=True)
class _Weighed(TimedSplit):
    """A timed split that notes how much memory is held after each quarter of an epoch's batches."""

    memory: list[int]

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Any, Tensor]]:
        parts = list(indices)
        ends = [len(parts) * (quarter + 1) // QUARTERS for quarter in range(QUARTERS)]
        self.memory.clear()
        for number, batch in enumerate(super().batches(parts, augment, skip), start=1):
            # Before the batch is given away: the step after it need not have begun.
            self.memory.extend([tree_memory(os.getpid())] * ends.count(number))
            yield batch


def streamed_epochs(
    jpegs: Path, output: Path, overrides: Sequence[str], options: Options, workers: int, epochs: int
) -> list[StreamedEpoch]:
    """Mixup epochs, each with its validation.

    Args:
        jpegs: folder of the images.
        output: folder of the checkpoints, which does not exist yet.
        overrides: of the run.
        options: device, threads and image size.
        workers: processes that decode.
        epochs: how many.
    """
    common = [
        "augmentation=mixup",
        f"trainer.precision={precision(options)}",
        "optimizer.lr=0.01",
        f"trainer.device={options.device.type}",
        f"trainer.threads={options.threads}",
        "logger=none",
        f"output_root={output}",
    ]
    with hydra_initialised():
        dataset = _dataset_overrides(jpegs, image_size(options), workers)
        settings = compose_settings([*dataset, *overrides, *common])
    trainer = trainer_of(settings)
    watch = Stopwatch(trainer.device)
    weighed = _Weighed(trainer.train, watch, memory=[])
    trainer.train = weighed
    timer = EpochTimer(trainer)
    results = []
    for _ in range(epochs):
        watch.spans.clear()
        seconds = timer.epoch()
        results.append(StreamedEpoch(seconds, watch.seconds(), list(weighed.memory)))
    return results
