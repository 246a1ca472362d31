"""Declared tables on the command line: what their results folder holds is not run again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixupe.experiment.kept import keep
from tests.scripts.test_train import Train, records
from tests.scripts.test_train import train as train

COMMON = ["trainer.epochs=1", "trainer.device=cpu", "logger=none"]


@pytest.fixture
def toy(tmp_path: Path) -> list[str]:
    """The arguments that run a table of two runs a seed, with its results below tmp_path."""
    table = {
        "name": "toy",
        "title": "Toy",
        "seeds": [0],
        "augmentations": {"none": [], "mixup": []},
        "cells": [{"dataset": "tabular/wine"}],
    }
    (tmp_path / "configs" / "table").mkdir(parents=True)
    (tmp_path / "configs" / "table" / "toy.yaml").write_text(yaml.safe_dump(table))
    search = f"hydra.searchpath=[file://{tmp_path}/configs]"
    return ["--multirun", "table=toy", search, f"hydra.sweeper.results={tmp_path}/results", *COMMON]


def move_records(tmp_path: Path) -> None:
    """As in a fresh clone: the records are in the table's results, the run store is not there."""
    kept = tmp_path / "results" / "toy" / "records"
    kept.mkdir(parents=True)
    for record in records(tmp_path):
        (kept / f"{record['id']}.json").write_text(json.dumps(record))
    shutil.rmtree(tmp_path / "outputs")


def test_kept_records_are_not_computed_again(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*toy) == 0
    assert "toy: 2 runs, 0 finished before, 2 to do" in capsys.readouterr().out
    move_records(tmp_path)
    assert train(*toy) == 0
    assert "toy: 2 runs, 2 finished before, 0 to do" in capsys.readouterr().out
    assert not records(tmp_path), "nothing was trained"


def test_packed_records_are_not_computed_again(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*toy) == 0
    keep(tmp_path / "results" / "toy", records(tmp_path), packed=True)
    shutil.rmtree(tmp_path / "outputs")
    capsys.readouterr()
    assert train(*toy, "seed=0,1") == 0
    assert "toy: 4 runs, 2 finished before, 2 to do" in capsys.readouterr().out
    assert {record["seed"] for record in records(tmp_path)} == {1}


def test_a_further_seed_runs_alone(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*toy) == 0
    move_records(tmp_path)
    assert train(*toy, "seed=0,1") == 0
    assert "toy: 4 runs, 2 finished before, 2 to do" in capsys.readouterr().out
    assert {record["seed"] for record in records(tmp_path)} == {1}


def test_kept_records_of_another_config_do_not_count(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*toy) == 0
    move_records(tmp_path)
    assert train(*toy, "optimizer.lr=0.1") == 0
    assert "toy: 2 runs, 0 finished before, 2 to do" in capsys.readouterr().out


def test_a_grid_of_the_command_line_has_no_kept_records(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*toy) == 0
    move_records(tmp_path)
    results = f"hydra.sweeper.results={tmp_path}/results"
    assert train("--multirun", "dataset=tabular/wine", "augmentation=none,mixup", results, *COMMON, "seed=0") == 0
    assert "grid: 2 runs, 0 finished before, 2 to do" in capsys.readouterr().out


@pytest.mark.parametrize("minutes", ["0", "-1", "true", "nan", "inf", "soon", "[1]"])
def test_a_time_box_that_is_none_is_one_line(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], minutes: str
) -> None:
    assert train(*toy, f"hydra.sweeper.minutes={minutes}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: hydra.sweeper.minutes: must be a number > 0, got ")
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("outputs/runs/*"))


def test_a_time_box_that_is_over_starts_nothing_and_is_no_failure(
    train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*toy, "hydra.sweeper.minutes=1e-9") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "toy: the time is over, 2 of 2 runs left; the same command goes on"
    assert not said.err
    assert not list(tmp_path.glob("outputs/runs/*"))
    assert train(*toy, "hydra.sweeper.minutes=60") == 0
    assert len(records(tmp_path)) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cells": [{"dataset": "tabular/wine"}] * 2}, "table.cells.1: wine mlp is also cells.0; give it a label"),
        ({"name": "other"}, "table.name: must be that of its file, toy, got other"),
        ({"select": {"by": "test", "grid": {}}}, "table.select.by: test needs protocol=paper"),
    ],
)
def test_what_its_table_would_be_refused_for_is_said_before_anything_is_trained(
    change: dict[str, Any], says: str, train: Train, toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "configs" / "table" / "toy.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change))
    assert train(*toy) == 2
    assert capsys.readouterr().err.startswith(f"error: {says}")
    assert not (tmp_path / "outputs" / "runs").exists()
