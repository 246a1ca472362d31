"""A table as a W&B run of its own, and what `wandb sync` finds after a whole table."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixupe.errors import UserError
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.sweep import run_sweep
from mixupe.tables.build import BuiltTable, build_table
from mixupe.tables.wandb_table import log_table
from tests.experiment.test_wandb_logger import offline_folders, read_back

pytest.importorskip("wandb")

TOY = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "cells": [{"dataset": "tabular/wine", "overrides": ["trainer.epochs=1", "trainer.device=cpu"]}],
}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BuiltTable:
    """A table without records, below tmp_path."""
    (tmp_path / "configs" / "table").mkdir(parents=True)
    (tmp_path / "configs" / "table" / "toy.yaml").write_text(yaml.safe_dump(TOY, sort_keys=False))
    monkeypatch.setattr("mixupe.tables.declared.CONFIGS", tmp_path / "configs")
    return build(tmp_path)


def build(tmp_path: Path, *extra: str) -> BuiltTable:
    return build_table("toy", [f"output_root={tmp_path}/outputs", *extra], tmp_path / "results")


def media(folder: Path, row: dict[str, Any], key: str) -> Path:
    return folder / "files" / str(row[f"{key}.path"])


def test_a_table_is_one_run_with_its_files(built: BuiltTable, tmp_path: Path) -> None:
    log_table(built)
    (folder,) = offline_folders(tmp_path / "outputs")
    back = read_back(folder)
    run = back["run"]
    assert (run.job_type, run.run_group, run.display_name) == ("table", "toy", "toy")
    assert list(run.tags) == ["table", "toy"]
    assert back["exit_code"] == 0
    (row,) = back["history"]
    table = json.loads(media(folder, row, "table").read_text())
    assert table["columns"][:3] == ["dataset", "model", "augmentation"]
    assert [line[2] for line in table["data"]] == ["none", "mixup", "mixupe"]
    assert media(folder, row, "comparisons").exists()
    assert media(folder, row, "table picture").read_bytes() == (built.folder / "table.png").read_bytes()


def test_without_the_logger_nothing_is_written(built: BuiltTable, tmp_path: Path) -> None:
    log_table(build(tmp_path, "logger=none"))
    assert not offline_folders(tmp_path / "outputs")


def test_a_missing_wandb_is_one_line(built: BuiltTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="logger: wandb is not installed"):
        log_table(built)


@pytest.mark.slow
def test_a_whole_table_is_one_run_a_job_and_one_for_itself(built: BuiltTable, tmp_path: Path) -> None:
    with hydra_initialised():
        run_sweep("toy", built.table.override_lists([f"output_root={tmp_path}/outputs"]))
    again = build(tmp_path)
    log_table(again)
    listed = subprocess.run(
        [sys.executable, "-m", "wandb", "sync", "--dry-run"],
        cwd=tmp_path / "outputs",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Would sync 7 run(s)" in listed.stderr
    folders = offline_folders(tmp_path / "outputs")
    runs = [read_back(folder)["run"] for folder in folders]
    jobs = {run_id(run.settings): group_id(run.settings) for run in again.runs}
    groups = {run.run_id: run.run_group for run in runs if run.job_type == "toy"}
    assert groups == jobs, "one run a job"
    assert Counter(Counter(groups.values()).values()) == {2: 3}, "the seeds of a cell and method are a group"
    assert [run.run_group for run in runs if run.job_type == "table"] == ["toy"]
    assert len(folders) == len(jobs) + 1
