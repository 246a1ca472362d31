"""How long a trainer's epoch takes, and how much of it the loop waits for its batches."""

import time
from collections.abc import Container, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor

from benchmarks.timing import synchronise
from mixupe.data.base import Split
from mixupe.experiment.prepare import prepare
from mixupe.experiment.request import Request
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import RunStore
from mixupe.training.trainer import Trainer


@dataclass(frozen=True)
class Stopwatch:
    """Spans of time on a device: wall clock on a CPU, on a GPU the time of its queue of work.

    On a GPU a span begins when all earlier work is done and ends when the span's own is: that is what the next training
    step waits for, and nothing where the loader keeps ahead.
    """

    device: torch.device
    spans: list[tuple[Any, Any]] = field(default_factory=list)

    def now(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def seconds(self) -> list[float]:
        """Of each span; waits for the GPU."""
        if self.device.type != "cuda":
            return [end - begin for begin, end in self.spans]
        synchronise(self.device)
        return [begin.elapsed_time(end) / 1000 for begin, end in self.spans]


@dataclass(frozen=True)
class _Wrapped:
    """A split that is watched; what it gives is the split's own."""

    split: Split
    watch: Stopwatch

    @property
    def labels(self) -> Tensor:
        return self.split.labels

    def mean_input(self) -> Tensor | None:
        return self.split.mean_input()

    def to(self, device: torch.device) -> Self:
        return replace(self, split=self.split.to(device))


@dataclass(frozen=True)
class TimedSplit(_Wrapped):
    """A split whose batches are timed, one span each."""

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Any, Tensor]]:
        batches = self.split.batches(indices, augment, skip)
        while True:
            begin = self.watch.now()
            batch = next(batches, None)
            self.watch.spans.append((begin, self.watch.now()))
            if batch is None:
                return
            yield batch


@dataclass(frozen=True)
class _FinishLine(_Wrapped):
    """A split that notes when it is asked for batches: one span without length, by the wall clock."""

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Any, Tensor]]:
        synchronise(self.watch.device)
        self.watch.spans[:] = [(time.perf_counter(),) * 2]
        return self.split.batches(indices, augment, skip)


class EpochTimer:
    """Times the training part of a trainer's epochs from outside: it ends when the validation split is asked for batches.

    Args:
        trainer: its validation split is wrapped for good.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self._finish = Stopwatch(trainer.device)
        trainer.validation = _FinishLine(trainer.validation, self._finish)

    def epoch(self) -> float:
        """Train one epoch more; seconds without validation and checkpoint."""
        trainer = self.trainer
        trainer.settings = trainer.settings.model_copy(update={"epochs": trainer.epoch + 1})
        before = trainer.scheduler.last_epoch
        synchronise(trainer.device)
        started = time.perf_counter()
        trainer.fit(lambda _epoch, _metrics: None)
        assert trainer.scheduler.last_epoch - before == trainer.steps_per_epoch, "not the steps of one epoch"
        return float(self._finish.spans[-1][0]) - started


def trainer_of(settings: RunSettings) -> Trainer:
    """The trainer of a run as scripts/train.py makes it, in a run folder of its own below `settings.output_root`."""
    folder = RunStore(settings.output_root).folder("timed")
    with folder.claimed():
        return prepare(Request(settings, folder, "timed"), ExitStack()).trainer
