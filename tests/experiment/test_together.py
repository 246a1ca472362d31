"""One run of several processes: one folder, one record, one outcome, whatever happens to one of them."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from mixupe.console import complain, say
from mixupe.errors import UserError
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.rules import check_processes
from mixupe.experiment.run import request_run
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.preemption import listening
from mixupe.training.trainer import Trainer
from tests.experiment.conftest import Compose
from tests.same import comparable
from tests.world import environment, results, started

SHARED = ["trainer.accumulate=2", "trainer.batch_size=20"]


def folder_of(settings: RunSettings) -> RunFolder:
    return RunStore(settings.output_root).folder(run_id(settings))


def together(settings: RunSettings, folder: Path, size: int = 2) -> list[Outcome]:
    return results(folder, size, lambda _rank: request_run(settings))


def assert_same_records(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Equal but for rounding of the metrics."""
    found, expected = comparable(found), comparable(expected)
    for name in ("metrics", "curves"):
        assert flat(found.pop(name)) == pytest.approx(flat(expected.pop(name)), abs=1e-5)
    assert found == expected


def flat(values: dict[str, Any]) -> dict[str, float]:
    return {
        f"{name} {index}": item
        for name, value in values.items()
        for index, item in enumerate(value if isinstance(value, list) else [value])
    }


@pytest.mark.parametrize("method", ["none", "mixup", "mixupe"])
def test_two_processes_leave_the_one_record_of_one(
    compose: Compose, tmp_path: Path, capfd: pytest.CaptureFixture[str], method: str
) -> None:
    settings = compose(*SHARED, f"augmentation={method}")
    alone = request_run(compose(*SHARED, f"augmentation={method}", f"output_root={tmp_path}/alone"))
    capfd.readouterr()
    first, second = together(settings, tmp_path / "processes")
    said = capfd.readouterr()
    assert said.out.count("test error") == 1
    assert not said.err
    assert first == second
    assert (first.state, first.fresh, first.id) == ("DONE", True, alone.id)
    folder = folder_of(settings)
    record = json.loads(folder.record.read_text())
    assert record == first.record
    assert alone.record is not None
    assert_same_records(record, alone.record)
    assert (record["hardware"]["processes"], alone.record["hardware"]["processes"]) == (2, 1)
    assert len(MetricsLog(folder.metrics).rows()) == 3
    assert [outcome.fresh for outcome in together(settings, tmp_path / "again")] == [False, False]


def wait_for_epochs(folder: RunFolder, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(MetricsLog(folder.metrics).rows()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("sizes", [(2, 1), (1, 2)])
def test_a_killed_run_goes_on_with_another_number_of_processes(
    compose: Compose, tmp_path: Path, sizes: tuple[int, int]
) -> None:
    overrides = [*SHARED, "trainer.epochs=30"]
    settings = compose(*overrides)
    processes = started(
        tmp_path / "killed",
        sizes[0],
        lambda _rank: request_run(settings),
    )
    wait_for_epochs(folder_of(settings), 3)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
    assert folder_of(settings).state() == "INTERRUPTED"
    outcome = request_run(settings) if sizes[1] == 1 else together(settings, tmp_path / "again", sizes[1])[0]
    alone = request_run(compose(*overrides, f"output_root={tmp_path}/alone"))
    assert outcome.record is not None
    assert alone.record is not None
    assert_same_records(outcome.record, alone.record)


def test_a_signal_to_one_process_interrupts_the_run(compose: Compose, tmp_path: Path) -> None:
    settings = compose(*SHARED, "trainer.epochs=200")

    def work(rank: int) -> Outcome:
        train_step, steps = Trainer._train_step, 0

        def counted(self: Trainer, *arguments: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == 9 and rank == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            return train_step(self, *arguments)

        with pytest.MonkeyPatch.context() as patch, listening():
            patch.setattr(Trainer, "_train_step", counted)
            return request_run(settings)

    first, second = results(tmp_path / "processes", 2, work)
    assert first == second
    assert (first.state, first.reason) == (
        "INTERRUPTED",
        "SIGTERM in epoch 2 after 3 of 6 steps; the same command goes on from there",
    )
    assert folder_of(settings).state() == "INTERRUPTED"


@pytest.mark.parametrize("rank", [0, 1])
def test_a_failure_of_one_process_ends_all_in_one_line(
    compose: Compose, tmp_path: Path, capfd: pytest.CaptureFixture[str], rank: int
) -> None:
    settings = compose(*SHARED)

    def work(own: int) -> Outcome:
        train_step, steps = Trainer._train_step, 0

        def failing(self: Trainer, *arguments: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == 3 and own == rank:
                raise RuntimeError("no memory is left\non this device")
            return train_step(self, *arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trainer, "_train_step", failing)
            return request_run(settings)

    processes = started(tmp_path / "processes", 2, work)
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [1, 1]
    lines = [line for line in capfd.readouterr().err.splitlines() if "FAILED" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"wine mlp mixupe seed 0, process {rank}: FAILED - RuntimeError: no memory is left; log")
    folder = folder_of(settings)
    assert folder.state() == "FAILED"
    assert "no memory is left" in folder.details()["reason"]
    assert together(settings, tmp_path / "again")[0].state == "DONE", "it is tried again"


def refusals(folder: Path, settings: RunSettings) -> list[str]:
    """The UserError of each of two processes, of which the second has no data."""

    def work(rank: int) -> str:
        def load(*_: object) -> None:
            raise UserError("dataset: the disk is not there")

        with pytest.MonkeyPatch.context() as patch:
            if rank == 1:
                patch.setattr("mixupe.experiment.prepare.load_dataset", load)
            with pytest.raises(UserError) as caught:
                request_run(settings)
        return str(caught.value)

    return results(folder, 2, work)


def test_bad_input_of_one_process_is_that_of_all(compose: Compose, tmp_path: Path) -> None:
    settings = compose(*SHARED)
    assert refusals(tmp_path / "processes", settings) == ["dataset: the disk is not there"] * 2
    assert not folder_of(settings).path.exists()


def test_a_batch_must_have_a_micro_batch_for_each_process(compose: Compose, tmp_path: Path) -> None:
    expected = (
        "trainer.accumulate: torchrun's 2 processes need at least as many micro-batches a batch, got 1; any number"
    )
    for message in refusals(tmp_path / "processes", compose("trainer.batch_size=20")):
        assert message.startswith(expected)


def test_a_run_at_work_elsewhere_is_left_alone(compose: Compose, tmp_path: Path) -> None:
    settings = compose(*SHARED)
    with folder_of(settings).claimed():
        assert [outcome.state for outcome in together(settings, tmp_path / "processes")] == ["RUNNING", "RUNNING"]


def test_a_running_mean_cannot_be_shared(compose: Compose) -> None:
    settings = compose(*SHARED, "augmentation=mixupe", "augmentation.variant=v1", "augmentation.mix_at=head")
    check_processes(compose(*SHARED, "augmentation=mixupe", "augmentation.variant=v1"), 2)
    with pytest.raises(UserError, match=r"augmentation\.variant=v1 with mix_at=head, which keeps a running mean"):
        check_processes(settings, 2)


def test_the_first_process_alone_talks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for rank in (0, 1):
        for name, value in environment(rank, 2, 0).items():
            monkeypatch.setenv(name, value)
        say(f"said by {rank}")
        complain(f"error of {rank}")
    assert capsys.readouterr() == ("said by 0\n", "error of 0\n")


@pytest.mark.parametrize("device", ["cuda:0", "cuda"])
def test_each_process_needs_a_gpu_of_its_own(
    compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    settings = compose(*SHARED, f"trainer.device={device}")

    def work(_rank: int) -> str:
        with pytest.raises(UserError) as caught:
            request_run(settings)
        return str(caught.value)

    expected = {"cuda:0": "trainer.device: cuda:0 cannot be", "cuda": "torchrun: each process needs a GPU of its own"}
    for message in results(tmp_path / "processes", 2, work):
        assert message.startswith(expected[device])
