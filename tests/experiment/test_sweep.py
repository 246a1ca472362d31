"""Sweeps in this process: stopped by a signal or by time, and gone on with."""

import os
import re
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.request import Request
from mixupe.experiment.store import RunStore
from mixupe.experiment.sweep import SweepFailedError, SweepStoppedError, run_sweep
from tests.disturb import after_step, get, time_over_after_step
from tests.same import assert_same_runs, comparable

STEPS = 6  # of an epoch
ALONE = ["trainer.device=cpu", "trainer.stack=1", "logger=none"]


def sweep(root: Path, *lists: list[str]) -> list[Outcome]:
    """A sweep over runs of two epochs; those of `lists`, or three seeds."""
    base = ["dataset=tabular/wine", "trainer.batch_size=20", "trainer.epochs=2", *ALONE]
    jobs = lists or [[f"seed={seed}"] for seed in (0, 1, 2)]
    with hydra_initialised():
        return run_sweep("grid", [[*base, f"output_root={root}", *job] for job in jobs])


def states(root: Path) -> list[str]:
    return sorted(RunStore(root).folder(path.name).state() for path in (root / "runs").iterdir())


def test_a_signal_stops_the_sweep_and_the_same_sweep_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = sweep(tmp_path / "whole")
    with (
        after_step(2 * STEPS + STEPS + 2, get(signal.SIGTERM)),
        pytest.raises(
            SweepStoppedError, match=r"^grid: stopped by SIGTERM, 2 of 3 runs left; the same command goes on$"
        ),
    ):
        sweep(tmp_path / "stopped")
    assert states(tmp_path / "stopped") == ["DONE", "INTERRUPTED"], "the third was not begun"
    capsys.readouterr()
    again = sweep(tmp_path / "stopped")
    assert f"resumed in epoch 2 after 2 of {STEPS} steps" in capsys.readouterr().out
    assert [outcome.fresh for outcome in again] == [False, True, True]
    for resumed, uninterrupted in zip(again, whole, strict=True):
        assert comparable(resumed.record or {}) == comparable(uninterrupted.record or {})
        assert_same_runs(*(RunStore(tmp_path / name).folder(resumed.id) for name in ("stopped", "whole")))


def test_a_time_box_leaves_the_rest_for_the_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with time_over_after_step(2 * STEPS + 1):
        done = sweep(tmp_path)
    assert [outcome.state for outcome in done] == ["DONE"]
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "grid: the time is over, 2 of 3 runs left; the same command goes on"
    assert not said.err
    assert [outcome.state for outcome in sweep(tmp_path)] == ["DONE"] * 3


def test_a_failure_counts_in_a_time_box_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diverging = ["optimizer=sgd", "optimizer.lr=1e30"]
    with time_over_after_step(STEPS + 1), pytest.raises(SweepFailedError, match="1 of 3 runs did not finish"):
        sweep(tmp_path, [*diverging, "seed=0"], ["seed=1"], ["seed=2"])
    said = capsys.readouterr()
    assert "FAILED - NonFiniteLossError" in said.err
    assert "2 of 3 runs left" in said.out


def test_a_signal_in_the_last_step_leaves_the_evaluation(tmp_path: Path) -> None:
    with after_step(2 * STEPS, get(signal.SIGTERM)), pytest.raises(SweepStoppedError, match="1 of 1 runs left"):
        sweep(tmp_path, ["seed=0"])
    with after_step(1, get(signal.SIGTERM)):  # no step is left to be taken
        assert [outcome.state for outcome in sweep(tmp_path, ["seed=0"])] == ["DONE"]


def test_a_folder_that_cannot_be_written_to_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"output_root: cannot write to .*/file/runs: Not a directory"):
        sweep(tmp_path / "file")


def test_a_finished_sweep_needs_no_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep(tmp_path, ["seed=0"])
    monkeypatch.setattr(RunStore, "check_writable", lambda _self: pytest.fail("it wrote"))
    (outcome,) = sweep(tmp_path, ["seed=0"])
    assert (outcome.state, outcome.fresh) == ("DONE", False)


def test_what_another_process_ended_counts_in_the_time_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (done,) = sweep(tmp_path / "elsewhere", ["seed=0"])
    its, here = (RunStore(tmp_path / name).folder(done.id) for name in ("elsewhere", "here"))
    capsys.readouterr()
    with ExitStack() as other_process:
        other_process.enter_context(here.claimed())
        here.set_running()

        def end_it() -> None:
            other_process.close()
            shutil.copytree(its.path, here.path, dirs_exist_ok=True)

        with after_step(2, end_it):
            outcomes = sweep(tmp_path / "here")
    assert [outcome.fresh for outcome in outcomes] == [False, True, True]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [re.findall(r"^.(./3), ETA .*seed=(.)", line) for line in lines] == [
        [("1/3", "1")],
        [("2/3", "0")],
        [("3/3", "2")],
    ]


def test_this_process_is_left_as_it_was(tmp_path: Path) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    environment = dict(os.environ)
    with time_over_after_step(1):
        sweep(tmp_path, ["seed=0"])
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == handlers
    assert dict(os.environ) == environment


def test_many_runs_that_are_refused_alike_are_one_line_and_a_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def not_here(request: Request, *_: object) -> None:
        raise UserError(f"dataset: {request.settings.augmentation.name} has no data")

    monkeypatch.setattr("mixupe.experiment.run.prepare", not_here)
    jobs = [
        [f"augmentation={name}", f"seed={seed}"] for name, seeds in (("none", 6), ("mixup", 2)) for seed in range(seeds)
    ]
    with pytest.raises(SweepFailedError, match="8 of 8 runs did not finish"):
        sweep(tmp_path, *jobs)
    first, more, *others = capsys.readouterr().err.splitlines()
    assert first.startswith("none seed=0 ")
    assert first.endswith("REFUSED - dataset: none has no data")
    assert re.fullmatch(r"5 more runs: the same, from none seed=1 \w+ to none seed=5 \w+", more)
    assert [line.split()[:2] for line in others] == [["mixup", "seed=0"], ["mixup", "seed=1"]]
    assert all(line.endswith("REFUSED - dataset: mixup has no data") for line in others)
