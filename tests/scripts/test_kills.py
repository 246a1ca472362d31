"""Whole sweeps in processes of their own, killed, stopped and boxed in time, then gone on with."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.store import RunStore
from mixupe.tables.build import build_table
from tests.same import comparable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"
# Each run alone: to the bit, results depend on which runs are trained at once.
COMMON = ["trainer.device=cpu", "logger=none", "trainer.stack=1", "trainer.epochs=8"]
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
TOY = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "cells": [{"dataset": "tabular/wine"}, {"dataset": "digits", "overrides": ["model.width=2"]}],
}
EPOCHS = 12 * 8
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    """start(output, *overrides): the sweep of the toy table in a process group of its own, gone after the test."""
    table = getattr(request, "param", TOY)
    (tmp_path / "configs" / "table").mkdir(parents=True)
    (tmp_path / "configs" / "table" / "toy.yaml").write_text(yaml.safe_dump(table, sort_keys=False))
    started: list[subprocess.Popen[str]] = []

    def call(output: str, *overrides: str) -> "subprocess.Popen[str]":
        places = [
            f"hydra.searchpath=[file://{tmp_path}/configs]",
            f"hydra.sweeper.results={tmp_path}/none",
            f"output_root={tmp_path / output}",
        ]
        command = [sys.executable, str(SCRIPT), "--multirun", "table=toy", *COMMON, *places, *overrides]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, start_new_session=True, **pipes))
        return started[-1]

    yield call
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=600)
    return process.returncode, output


def epochs(root: Path) -> int:
    """Epochs of all runs that have been logged."""
    return sum(len(MetricsLog(path).rows()) for path in root.glob("runs/*/metrics.jsonl"))


def wait_for(process: "subprocess.Popen[str]", root: Path, at_least: int) -> None:
    while epochs(root) < at_least:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def records(root: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: json.loads(path.read_text()) for path in root.glob("runs/*/record.json")}


def states(root: Path) -> list[str]:
    return sorted(RunStore(root).folder(path.name).state() for path in (root / "runs").iterdir())


def running(root: Path) -> dict[str, int]:
    """Run id -> process, of the runs that are at work."""
    folders = [RunStore(root).folder(path.parent.name) for path in root.glob("runs/*/state.json")]
    return {folder.id: folder.details()["pid"] for folder in folders if folder.state() == "RUNNING"}


def kill_all(process: "subprocess.Popen[str]", root: Path) -> None:
    """SIGKILL to the whole group, and wait until the last of its processes is gone."""
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    while running(root):
        time.sleep(0.05)


def table_files(tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr("mixupe.tables.declared.CONFIGS", tmp_path / "configs")
    results = tmp_path / f"results of {output}"
    folder = build_table("toy", [*COMMON, f"output_root={tmp_path / output}"], results).folder
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".csv", ".tex", ".png")}


@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["basic", "joblib"])
def test_a_table_killed_three_times_is_the_table_of_an_undisturbed_sweep(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: list[str]
) -> None:
    assert ended(start("whole", *launcher))[0] == 0
    draw = random.Random(str(launcher))
    for target in sorted(draw.sample(range(1, EPOCHS - 10), 3)):
        process = start("killed", *launcher)
        wait_for(process, tmp_path / "killed", target)
        kill_all(process, tmp_path / "killed")
        assert set(states(tmp_path / "killed")) <= {"DONE", "INTERRUPTED", "MISSING"}, "MISSING: not yet RUNNING"
    status, output = ended(start("killed", *launcher))
    assert status == 0, output
    assert states(tmp_path / "killed") == ["DONE"] * 12
    assert epochs(tmp_path / "killed") == EPOCHS, "each epoch is logged once"
    whole, killed = records(tmp_path / "whole"), records(tmp_path / "killed")
    assert {identity: comparable(record) for identity, record in killed.items()} == {
        identity: comparable(record) for identity, record in whole.items()
    }
    assert table_files(tmp_path, "killed", monkeypatch) == table_files(tmp_path, "whole", monkeypatch)


@pytest.mark.parametrize("whom", ["the first process", "the whole group"])
@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["basic", "joblib"])
def test_a_sweep_that_gets_sigterm_saves_and_asks_to_be_queued_again(
    start: Start, tmp_path: Path, launcher: list[str], whom: str
) -> None:
    process = start("stopped", *launcher)
    wait_for(process, tmp_path / "stopped", 20)
    if whom == "the first process":
        process.terminate()
    else:
        os.killpg(process.pid, signal.SIGTERM)
    status, output = ended(process)
    assert status == 75, output
    assert output.splitlines()[-1].startswith("toy: stopped by SIGTERM, ")
    assert "Traceback" not in output
    assert set(states(tmp_path / "stopped")) <= {"DONE", "INTERRUPTED", "MISSING"}
    status, output = ended(start("stopped", *launcher))
    assert status == 0, output
    assert epochs(tmp_path / "stopped") == EPOCHS


def test_a_worker_that_dies_is_named_and_its_run_goes_on_later(start: Start, tmp_path: Path) -> None:
    process = start("died", *JOBLIB, "trainer.epochs=40")
    wait_for(process, tmp_path / "died", 20)
    while not running(tmp_path / "died"):
        assert process.poll() is None
    ((identity, worker), *_) = running(tmp_path / "died").items()
    os.kill(worker, signal.SIGKILL)
    status, output = ended(process)
    assert status == 1
    assert "SIGKILL" in output
    assert "Traceback" not in output
    assert RunStore(tmp_path / "died").folder(identity).state() == "INTERRUPTED"
    status, output = ended(start("died", *JOBLIB, "trainer.epochs=40"))
    assert status == 0, output
    assert states(tmp_path / "died") == ["DONE"] * 12


@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["basic", "joblib"])
def test_a_time_box_ends_in_time_and_says_what_is_left(start: Start, tmp_path: Path, launcher: list[str]) -> None:
    began = time.monotonic()
    process = start("boxed", *launcher, "trainer.epochs=100000", "hydra.sweeper.minutes=1")
    status, output = ended(process)
    assert status == 0, output
    last = output.splitlines()[-1]
    assert last.startswith("toy: the time is over, ")
    assert last.endswith(" of 12 runs left; the same command goes on")
    assert "INTERRUPTED" in states(tmp_path / "boxed")
    assert time.monotonic() - began < 60 + 60, "with the start of the processes and their end"
