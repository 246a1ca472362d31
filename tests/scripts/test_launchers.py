"""Sweeps through Ray and submitit in processes of their own, killed, queued again, stopped. Ray starts in seconds."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mixupe.experiment.metrics_log import MetricsLog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"
GRID = ["--multirun", "dataset=tabular/wine", "trainer.device=cpu", "trainer.stack=1", "logger=none"]
Start = Callable[..., "subprocess.Popen[str]"]


def needs(plugin: str, extra: str) -> pytest.MarkDecorator:
    is_missing = importlib.util.find_spec("hydra_plugins." + plugin) is None
    return pytest.mark.skipif(
        is_missing, reason=f"{plugin} is not installed: pip install -c constraints.txt -e '.[{extra}]'"
    )


RAY = needs("hydra_ray_launcher", "ray")
SUBMITIT = needs("hydra_submitit_launcher", "slurm")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(*overrides): a sweep in tmp_path, with output_root `out`; it and what it started are gone after the test."""
    started: list[subprocess.Popen[str]] = []

    def call(*overrides: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(SCRIPT), *GRID, "output_root=out", *overrides]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        environment = {**os.environ, "HOME": str(tmp_path)}
        started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, **pipes))
        return started[-1]

    yield call
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        process.wait()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=600)
    return process.returncode, output


def at_work(process: "subprocess.Popen[str]", root: Path) -> int:
    """The process of a run that has trained some epochs."""
    while True:
        for path in root.glob("runs/*/metrics.jsonl"):
            if len(MetricsLog(path).rows()) > 2:
                return int(json.loads((path.parent / "state.json").read_text())["pid"])
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def records(root: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(root.glob("runs/*/record.json"))]


@RAY
def test_ray_runs_a_grid_and_a_failure_is_one_of_its_outcomes(start: Start, tmp_path: Path) -> None:
    grid = ["optimizer=sgd", "optimizer.lr=0.01,1e30", "seed=0,1", "trainer.epochs=1"]
    status, output = ended(start("hydra/launcher=ray", *grid))
    assert status == 1, output
    assert "[4/4, ETA 0:00]" in output
    assert output.count("FAILED - NonFiniteLossError") == 4, "once as it happened and once in the end, for two"
    assert "UserWarning" not in output
    assert len(records(tmp_path / "out")) == 2


@RAY
def test_ray_starts_a_killed_run_again_which_goes_on(start: Start, tmp_path: Path) -> None:
    process = start("hydra/launcher=ray", "trainer.epochs=200", "seed=0,1")
    victim = at_work(process, tmp_path / "out")
    os.kill(victim, signal.SIGKILL)
    status, output = ended(process)
    assert status == 0, output
    assert len(records(tmp_path / "out")) == 2
    pids = {json.loads(path.read_text())["pid"] for path in tmp_path.glob("out/runs/*/state.json")}
    assert victim not in pids


@RAY
def test_a_sweep_over_ray_that_gets_sigterm_asks_to_be_queued_again(start: Start, tmp_path: Path) -> None:
    process = start("hydra/launcher=ray", "trainer.epochs=100000", "seed=0")
    at_work(process, tmp_path / "out")
    process.terminate()
    status, output = ended(process)
    assert status == 75, output
    assert output.splitlines()[-1] == "grid: stopped by SIGTERM, 1 of 1 runs left; the same command goes on"


@SUBMITIT
def test_submitit_queues_a_run_again_which_goes_on_at_its_last_step(start: Start, tmp_path: Path) -> None:
    process = start("hydra/launcher=submitit_local", "trainer.epochs=300", "seed=0,1")
    victim = at_work(process, tmp_path / "out")
    os.kill(victim, signal.SIGUSR2)
    status, output = ended(process)
    assert status == 0, output
    assert "[2/2, ETA 0:00]" in output
    assert len(records(tmp_path / "out")) == 2
    printed = "".join(path.read_text() for path in tmp_path.glob("out/sweeps/.submitit/*/*.out"))
    assert printed.count("Requeued job") == 1
    assert printed.count(": resumed in epoch") + printed.count(": resumed after epoch") == 1


@SUBMITIT
def test_what_slurm_is_asked_for(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm's commands are stand-ins: sbatch keeps the job's script and takes no job."""
    (tmp_path / "bin").mkdir()
    for name in ("srun", "sbatch"):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/job.sh\necho "the queue is closed" >&2\nexit 1\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    options = ["hydra.launcher.partition=gpu", "hydra.launcher.timeout_min=90", "seed=0,1"]
    status, output = ended(start("hydra/launcher=submitit_slurm", *options))
    assert status == 1, output
    assert output.splitlines()[-1] == "error: grid: no run could be begun (the queue is closed); 2 of 2 left"
    script = (tmp_path / "job.sh").read_text()
    for line in ("partition=gpu", "gpus-per-node=1", "time=90", "signal=USR2@120", "array=0-1%2", "open-mode=append"):
        assert f"#SBATCH --{line}" in script, script
