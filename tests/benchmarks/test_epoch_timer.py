"""A trainer's epochs, timed from outside."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.epoch import image_trainer
from benchmarks.epoch_timer import EpochTimer, Stopwatch, TimedSplit
from benchmarks.options import Options
from mixupe.data.tensors import TensorSplit


class SlowSplit(TensorSplit):
    def batches(self, *arguments: object, **options: object) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in super().batches(*arguments, **options):  # type: ignore[arg-type]
            time.sleep(0.01)
            yield batch


def test_each_batch_is_timed_and_handed_on_unchanged() -> None:
    split = SlowSplit(torch.arange(6.0)[:, None], torch.arange(6))
    watch = Stopwatch(torch.device("cpu"))
    timed = TimedSplit(split, watch).to(torch.device("cpu"))
    index = torch.split(torch.arange(6), 2)
    assert torch.cat([y for _, y in timed.batches(index)]).tolist() == list(range(6))
    waits = watch.seconds()
    assert len(waits) == 4, "one a batch, and one for the end"
    assert min(waits[:3]) >= 0.01
    assert torch.cat([y for _, y in timed.batches(index, skip=range(1))]).tolist() == [2, 3, 4, 5]


def test_one_epoch_is_trained_at_a_time(options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = image_trainer(options, tmp_path)
    timer = EpochTimer(trainer)
    slow = trainer.save

    def slower(*arguments: Any) -> None:
        time.sleep(0.5)
        slow(*arguments)

    monkeypatch.setattr(trainer, "save", slower)
    started = time.perf_counter()
    spent = timer.epoch()
    assert spent < time.perf_counter() - started - 0.5, "the checkpoint is not counted"
    assert trainer.epoch == 1
    timer.epoch()
    assert trainer.epoch == 2
    assert trainer.scheduler.last_epoch == 2 * trainer.steps_per_epoch
