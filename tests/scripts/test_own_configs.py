"""Configs outside the project: the recipe of their domain is applied, and tables declared there are built."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.search_path import own_folders, search_in
from tests.scripts.test_train import load_script

FAST = ["trainer.epochs=1", "trainer.device=cpu", "logger=none"]
Call = Callable[..., int]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> Iterator[None]:
    """conf/ with a data set that has its domain from ours, and a table; the working folder is above it."""
    rows = [f"{number % 7},{number % 5}.5,{'ab'[number % 7 > 3]}" for number in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["size,weight,label", *rows]) + "\n")
    table = {
        "name": "toy",
        "title": "Toy",
        "seeds": [0],
        "augmentations": {"none": [], "mixup": []},
        "cells": [{"dataset": "mine"}],
    }
    configs = {
        "dataset/mine": {"defaults": ["csv"], "path": "mine.csv", "target": "label"},
        "dataset/strange": {"defaults": ["csv"], "domain": "tables", "path": "mine.csv", "target": "label"},
        "table/toy": table,
    }
    for name, values in configs.items():
        path = tmp_path / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(values, sort_keys=False))
    yield
    search_in(None)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """A script's main with these arguments, in this process."""

    def run(script: str, *arguments: str) -> int:
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *arguments])
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        status: int = load_script(script).main()
        return status

    return run


def models(tmp_path: Path) -> list[Any]:
    return [
        json.loads(path.read_text())["config"]["model"]["name"] for path in tmp_path.glob("outputs/runs/*/record.json")
    ]


@pytest.mark.parametrize("where", [["--config-dir", "conf"], ["--config-dir=conf"], ["hydra.searchpath=[file://conf]"]])
@pytest.mark.parametrize("sweep", [[], ["--multirun"]])
def test_the_recipe_of_an_inherited_domain_is_applied(
    call: Call, tmp_path: Path, where: list[str], sweep: list[str]
) -> None:
    assert call("train", *where, *sweep, "dataset=mine", "augmentation=none", *FAST) == 0
    assert models(tmp_path) == ["mlp"]


def test_own_and_other_sets_are_of_one_grid(call: Call, tmp_path: Path) -> None:
    assert call("train", "--config-dir", "conf", "--multirun", "dataset=mine,tabular/wine", *FAST) == 0
    assert models(tmp_path) == ["mlp", "mlp"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config-dir", "nowhere"], "error: --config-dir: nowhere is not a folder"),
        (["hydra.searchpath=[file://nowhere]"], "error: hydra.searchpath: file://nowhere is not a folder"),
        (["hydra.searchpath=conf"], "error: hydra.searchpath: must be a list of places"),
        (["--config-dir", "conf", "dataset=mien"], "error: dataset: 'mien' is unknown, allowed are"),
        (["--config-dir", "conf", "dataset=strange"], "error: dataset.domain: input should be 'images'"),
        (
            ["--config-dir", "conf", "dataset=mine", "dataset.sep=1"],
            "error: dataset.sep: unknown key (given: 1), allowed are",
        ),
        (["-cn", "other"], "error: -cn (--config-name): the config is always configs/train.yaml"),
        (["dataset.path=glob(*.csv)"], "error: dataset.path: glob(*.csv) picks no files"),
    ],
)
def test_bad_input_is_one_line(call: Call, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert call("train", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(says)
    assert error.count("\n") == 1


def test_a_table_of_ones_own_is_run_and_built(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    for place in ("places", "tables.build", "tables.declared"):
        monkeypatch.setattr(f"mixupe.{place}.RESULTS", results)
    own = ["--config-dir", "conf"]
    assert call("table", "toy", *own, "--dry", *FAST) == 0
    assert call("train", *own, "--multirun", "table=toy", *FAST) == 0
    assert call("table", "toy", *own, *FAST) == 0
    assert "mlp" in (results / "toy" / "table.md").read_text()
    monkeypatch.setattr("mixupe.report.content.pictures", lambda *_: [])
    assert call("report", "toy", *own, *FAST) == 0
    assert (results / "toy" / "report.html").exists()
    capsys.readouterr()
    assert call("table", "toy") == 2, "without the folder there is no such table"
    assert capsys.readouterr().err.startswith("error: table: 'toy' is unknown")


@pytest.mark.parametrize(
    "sweep", [[], ["--multirun"], ["--multirun", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1"]]
)
def test_paths_are_of_the_folder_in_which_the_command_was_given(call: Call, tmp_path: Path, sweep: list[str]) -> None:
    folders = ["hydra.job.chdir=true", "hydra.run.dir=elsewhere"]
    chosen = ["dataset=csv", "dataset.path=mine.csv", "dataset.target=label", "augmentation=none"]
    assert call("train", *sweep, *folders, *chosen, *FAST) == 0
    assert models(tmp_path) == ["mlp"]
    assert Path.cwd() == tmp_path


def test_a_path_that_needs_quotes_runs_without_them(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").rename(tmp_path / "größe = (1).csv")
    chosen = ["dataset=csv", "dataset.path=größe = (1).csv", "dataset.target=label", "augmentation=none"]
    assert call("train", *chosen, *FAST) == 0
    assert models(tmp_path) == ["mlp"]


def test_places_are_absolute_and_forgotten_with_the_next_command(tmp_path: Path) -> None:
    assert search_in("conf", ["seed=1", "hydra.searchpath=[pkg://mine.configs]"]) == ["seed=1"]
    assert own_folders() == [tmp_path / "conf"]
    search_in("conf")
    with hydra_initialised():
        assert compose_settings(["dataset=mine"]).model.name == "mlp"
    search_in(None)
    assert own_folders() == []
    with hydra_initialised(), pytest.raises(UserError, match="'mine' is unknown"):
        compose_settings(["dataset=mine"])
