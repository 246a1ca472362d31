"""The command line: exit statuses, grids, and a run that is killed and started again."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

ROOT = Path(__file__).parents[2]
FAST = ["dataset=tabular/wine", "trainer.epochs=2", "trainer.device=cpu", "logger=none"]
Train = Callable[..., int]


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Train:
    """scripts/train.py's main with these arguments, in this process."""

    def call(*arguments: str) -> int:
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments, f"output_root={tmp_path}/outputs"])
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        status: int = load_script("train").main()
        return status

    return call


def records(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(tmp_path.glob("outputs/runs/*/record.json"))]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augmentation.etaa=1", "error: augmentation.etaa: unknown key"),
        ("augmentation=mixpue", "error: augmentation: 'mixpue' is unknown, allowed are"),
        ("augmentation=null", "error: augmentation: null is unknown, allowed are cutmix, "),
        ("model=3", "error: model: 3 is unknown, allowed are "),
        ("augmentation.alpha=-1", "error: augmentation.alpha: must be a finite number > 0, got -1"),
        ("trainer.epochs=ten", "error: trainer.epochs: input should be a valid integer, got 'ten'"),
        ("hydra.sweeper.minutes=9", "error: hydra.sweeper.minutes: is of a sweep, give it with --multirun"),
        ("--multrun", "error: unrecognized arguments: --multrun"),
        ("table=own_csv", "error: table: is a list of runs, give it with --multirun"),
        ("augmentation.mix_at=layer9", "error: augmentation.mix_at: there is no module 'layer9', allowed are input"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str], override: str, says: str
) -> None:
    assert train(override) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(says)
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.glob("outputs/runs/*"))


def test_a_public_set_without_network_is_one_line(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("dataset=cifar10", f"data.root={tmp_path}/data") == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "CIFAR10" in message
    assert "cifar-10-python.tar.gz" in message
    assert str(tmp_path / "data") in message
    assert not list(tmp_path.glob("outputs/runs/*"))


def test_one_run(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*FAST) == 0
    assert "test error" in capsys.readouterr().out
    assert train(*FAST) == 0
    assert "already done" in capsys.readouterr().out
    assert len(records(tmp_path)) == 1


def test_a_diverging_run_has_status_1(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*FAST, "optimizer=sgd", "optimizer.lr=1e30") == 1
    assert "FAILED - NonFiniteLossError" in capsys.readouterr().out


def test_a_grid_over_domains_goes_on_after_a_failure(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ["--multirun", "dataset=tabular/wine,tabular/iris", "optimizer.lr=0.001,1e30", "optimizer=sgd"]
    assert train(*grid, "trainer.epochs=1", "trainer.device=cpu", "logger=none", "seed=0") == 1
    captured = capsys.readouterr()
    assert "4 runs, 0 finished before, 4 to do" in captured.out
    assert captured.err.count("FAILED") == 2
    assert "log.txt" in captured.err
    assert len(records(tmp_path)) == 2
    assert train(*grid, "trainer.epochs=1", "trainer.device=cpu", "logger=none", "seed=0") == 1
    assert "4 runs, 4 finished before, 0 to do" in capsys.readouterr().out


def test_a_typo_in_the_last_run_of_a_grid_stops_before_the_first(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--multirun", *FAST, "augmentation=none,mixup,mixpue") == 2
    assert "mixpue" in capsys.readouterr().err
    assert not records(tmp_path)


def test_a_declared_table_runs_each_run_once(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = {
        "name": "toy",
        "title": "Toy",
        "seeds": [0, 1],
        "augmentations": {"none": [], "mixupe": ["augmentation.eta=0.1"]},
        "cells": [{"dataset": "tabular/wine"}, {"dataset": "digits", "overrides": ["model.width=2"]}],
    }
    (tmp_path / "configs" / "table").mkdir(parents=True)
    (tmp_path / "configs" / "table" / "toy.yaml").write_text(yaml.safe_dump(table))
    arguments = ["--multirun", "table=toy", f"hydra.searchpath=[file://{tmp_path}/configs]", "seed=0"]
    common = ["trainer.epochs=1", "trainer.device=cpu", "logger=none", "dataset.train_size=40"]
    assert train(*arguments, *common) == 0
    assert "4 runs, 0 finished before, 4 to do" in capsys.readouterr().out
    found = {(record["dataset"], record["augmentation"], record["seed"]) for record in records(tmp_path)}
    assert found == {(name, method, 0) for name in ("wine", "digits") for method in ("none", "mixupe")}
    assert all(record["config"]["logger"]["job_type"] == "toy" for record in records(tmp_path))
    assert train(*arguments, *common) == 0
    assert "4 runs, 4 finished before, 0 to do" in capsys.readouterr().out


def command(tmp_path: Path, *overrides: str) -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "train.py"), *overrides, f"output_root={tmp_path}/outputs"]


def test_a_table_of_ones_own_file(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.csv"
    rows = [f"{number % 7},{number},{'ab'[number % 7 > 3]}" for number in range(60)]
    path.write_text("\n".join(["size,weight,label", *rows]) + "\n")
    table = ["--multirun", "table=own_csv", f"dataset.path={path}", "dataset.target=label", "seed=0"]
    assert train(*table, "trainer.epochs=1", "trainer.device=cpu", "logger=none") == 0
    assert "4 runs, 0 finished before, 4 to do" in capsys.readouterr().out
    assert {record["dataset"] for record in records(tmp_path)} == {"mine"}


@pytest.mark.parametrize("jobs", [1, 2])  # one: joblib runs the jobs in the sweep's own process
def test_workers_of_a_launcher_are_watched(jobs: int, tmp_path: Path) -> None:
    grid = ["--multirun", *FAST, "augmentation=none", "optimizer=sgd", "optimizer.lr=0.01,1e30", "seed=0,1"]
    arguments = command(tmp_path, *grid, "hydra/launcher=joblib", f"hydra.launcher.n_jobs={jobs}")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "[4/4, ETA 0:00]" in done.stdout
    assert done.stdout.count("/4, ETA ") == 4, "each run is counted once"
    assert done.stdout.count(": test error") == 2
    assert done.stdout.count(": FAILED - NonFiniteLossError") == 2
    assert len(records(tmp_path)) == 2


def test_two_sweeps_started_together_share_the_work(tmp_path: Path) -> None:
    grid = ["--multirun", *FAST, "trainer.epochs=40", "augmentation=none,mixupe", "seed=0,1,2"]
    environment = {**os.environ, "WANDB_MODE": "offline"}
    sweeps = [
        subprocess.Popen(command(tmp_path, *grid), env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [sweep.communicate(timeout=240)[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], outputs
    computed = [line for output in outputs for line in output.splitlines() if line.endswith(" s)")]
    assert len(computed) == len(records(tmp_path)) == 6, "each run was computed once"


def test_a_run_killed_with_sigkill_finishes_with_the_record_of_an_uninterrupted_one(tmp_path: Path) -> None:
    long = [
        "dataset=digits",
        "dataset.train_size=300",
        "model.width=4",
        "trainer.epochs=10",
        "trainer.device=cpu",
        "logger=none",
    ]
    environment = {**os.environ, "WANDB_MODE": "offline"}
    subprocess.run(command(tmp_path / "whole", *long), check=True, env=environment, capture_output=True)

    process = subprocess.Popen(command(tmp_path / "killed", *long), env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        rows = [line for path in tmp_path.glob("killed/outputs/runs/*/metrics.jsonl") for line in path.open()]
        if len(rows) >= 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not records(tmp_path / "killed"), "it was killed before its end"

    again = subprocess.run(
        command(tmp_path / "killed", *long), check=True, env=environment, capture_output=True, text=True
    )
    assert "resumed after epoch" in again.stdout
    (whole,), (resumed,) = records(tmp_path / "whole"), records(tmp_path / "killed")
    assert resumed["metrics"] == whole["metrics"]
    assert resumed["id"] == whole["id"]

    def curve(kind: str) -> list[dict[str, float]]:
        (path,) = tmp_path.glob(f"{kind}/outputs/runs/*/metrics.jsonl")
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in path.open()]

    assert curve("killed") == curve("whole")
