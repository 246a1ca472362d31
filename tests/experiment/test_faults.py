"""What goes wrong from outside: damaged checkpoints, full disks, folders that cannot be written to, too little memory."""

import multiprocessing
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mixupe.errors import UserError
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.run import request_run
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.files import previous
from mixupe.training.trainer import Trainer
from tests.disturb import after_step
from tests.experiment.conftest import Compose
from tests.same import assert_same_runs, comparable

FullDisk = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def whole(compose: Compose, tmp_path: Path) -> tuple[Outcome, RunFolder]:
    """An undisturbed run, and its folder."""
    settings = compose(f"output_root={tmp_path}/whole", "trainer.epochs=4")
    return request_run(settings), RunStore(tmp_path / "whole").folder(run_id(settings))


def failing_at(epoch: int, error: BaseException) -> Any:
    """MetricsLog.append that raises in that epoch."""
    append = MetricsLog.append

    def fail(self: MetricsLog, at: int, metrics: dict[str, float]) -> None:
        if at == epoch:
            raise error
        append(self, at, metrics)

    return fail


@pytest.mark.parametrize("damaged", [1, 2])
def test_damaged_checkpoints_cost_epochs_and_no_more(
    compose: Compose,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    whole: tuple[Outcome, RunFolder],
    damaged: int,
) -> None:
    settings = compose("trainer.epochs=4")
    folder = RunStore(settings.output_root).folder(run_id(settings))
    with monkeypatch.context() as patch:
        patch.setattr(MetricsLog, "append", failing_at(4, RuntimeError("stopped by the test")))
        assert request_run(settings).state == "FAILED"
    files = [folder.checkpoint, previous(folder.checkpoint)][:damaged]
    for file in files:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    capsys.readouterr()
    again = request_run(settings)
    warnings = [line for line in capsys.readouterr().out.splitlines() if "warning" in line]
    assert (
        warnings
        == [
            "wine mlp mixupe seed 0: warning: checkpoint.pt is damaged; going on after epoch 2",
            "wine mlp mixupe seed 0: warning: checkpoint.pt is damaged, checkpoint.previous.pt is damaged; going on from the"
            " beginning",
        ][damaged - 1 : damaged]
    )
    assert again.record is not None
    assert whole[0].record is not None
    assert comparable(again.record) == comparable(whole[0].record)
    assert_same_runs(folder, whole[1])
    assert not previous(folder.checkpoint).exists()


@pytest.mark.parametrize("file", ["checkpoint.pt", "metrics.jsonl", "record.json", "config.yaml", ""])
def test_a_full_disk_fails_the_run_in_one_line_and_corrupts_nothing(
    compose: Compose, full_disk: FullDisk, whole: tuple[Outcome, RunFolder], file: str
) -> None:
    settings = compose("trainer.epochs=4")
    folder = RunStore(settings.output_root).folder(run_id(settings))
    with full_disk(file):
        outcome = request_run(settings)
    assert outcome.state == "FAILED"
    assert "No space left on device" in outcome.reason
    assert "\n" not in outcome.reason
    if file:
        assert folder.state() == "FAILED"
        assert folder.details()["reason"] in outcome.reason
    else:
        assert folder.state() == "MISSING", "the state could not be written either"
    assert not list(folder.path.glob(".*.part"))
    again = request_run(settings)
    assert again.record is not None, again.reason
    assert whole[0].record is not None
    assert comparable(again.record) == comparable(whole[0].record)
    assert_same_runs(folder, whole[1])


def test_a_disk_that_fills_up_during_the_run_leaves_it_resumable(
    compose: Compose, full_disk: FullDisk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = compose("trainer.epochs=4")
    folder = RunStore(settings.output_root).folder(run_id(settings))
    save, saved = Trainer.save, []

    def save_on_a_full_disk(self: Trainer, *_: object) -> None:
        saved.append(self.epoch)
        with full_disk("" if self.epoch == 3 else "none"):
            save(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", save_on_a_full_disk)
        assert "No space left on device" in request_run(settings).reason
    assert folder.state() == "FAILED"
    assert request_run(settings).state == "DONE"
    assert "resumed after epoch 2" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["a file", "read-only"])
def test_an_output_folder_that_cannot_be_written_to_is_named_before_any_work(
    compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    root = tmp_path / "there"
    if kind == "a file":
        root.write_text("")
    else:
        root.mkdir(mode=0o500)
        if os.access(root, os.W_OK):
            pytest.skip("this user may write anywhere")
    monkeypatch.setattr("mixupe.experiment.prepare.load_dataset", lambda *_: pytest.fail("work was done"))
    with pytest.raises(UserError, match=rf"^output_root: cannot write to {root}/runs: (Not a dir|Permission denied)"):
        request_run(compose(f"output_root={root}"))


def test_too_little_gpu_memory_names_the_remedies_and_is_tried_again(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = compose()

    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "fit", fail)
        outcome = request_run(settings)
    for remedy in ("out of GPU memory", "trainer.batch_size", "trainer.accumulate", "trainer.precision=bf16"):
        assert remedy in outcome.reason
    folder = RunStore(settings.output_root).folder(run_id(settings))
    assert folder.state() == "FAILED"
    assert "Tried to allocate 2.00 GiB" in folder.log.read_text()
    assert request_run(settings).state == "DONE"


@pytest.mark.gpu
def test_a_gpu_that_is_really_full_fails_the_run_and_not_the_next(compose: Compose) -> None:
    settings = compose("trainer.device=cuda")
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-9)
    try:
        assert "out of GPU memory" in request_run(settings).reason
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert request_run(settings).state == "DONE"


def test_what_a_killed_process_was_writing_goes(compose: Compose) -> None:
    settings = compose()
    folder = RunStore(settings.output_root).folder(run_id(settings))
    folder.path.mkdir(parents=True)
    (folder.path / ".checkpoint.pt.4711.part").write_bytes(b"half")
    assert request_run(settings).state == "DONE"
    assert not list(folder.path.glob(".*.part"))


def test_a_decoding_process_that_dies_names_the_remedy(compose: Compose, tmp_path: Path) -> None:
    for number in range(24):
        file = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), 10 * number, dtype=np.uint8)).save(file)
    data = ["dataset=image_folder", f"dataset.path={tmp_path}/images", "dataset.in_memory=false", "dataset.workers=1"]
    settings = compose(*data, "dataset.image_size=16", "model.width=2", "trainer.batch_size=4")

    def kill_the_worker() -> None:
        for worker in multiprocessing.active_children():
            worker.kill()

    with after_step(1, kill_the_worker):
        outcome = request_run(settings)
    assert outcome.state == "FAILED"
    assert "DataLoader worker" in outcome.reason
    assert "fewer dataset.workers need less memory; log " in outcome.reason


def test_a_data_folder_that_is_read_only_is_named(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = compose()

    def store(indexes: object, root: Path) -> None:
        raise PermissionError(13, "Permission denied", str(root / "splits"))

    monkeypatch.setattr("mixupe.data.splits._store", store)
    with pytest.raises(UserError, match=r"^data\.root: .*splits may not be written or read \(Permission denied\)"):
        request_run(settings)
