"""scripts/table.py: a table rebuilt, planned, run again and mirrored."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mixupe.errors import UserError
from mixupe.experiment.compose import compose_all, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_record
from mixupe.experiment.store import RunStore
from mixupe.files import write_json
from mixupe.tables.manifest import Table
from tests.scripts.test_train import load_script

TOY = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1],
    "augmentations": {"none": [], "mixup": []},
    "cells": [{"dataset": "tabular/wine"}],
}


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["table.py", *arguments])
    status: int = load_script("table").main()
    return status


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The results folder of a project with one table, whose records are there."""
    (tmp_path / "configs" / "table").mkdir(parents=True)
    (tmp_path / "configs" / "table" / "toy.yaml").write_text(yaml.safe_dump(TOY, sort_keys=False))
    monkeypatch.setattr("mixupe.tables.declared.CONFIGS", tmp_path / "configs")
    for place in ("build", "declared"):
        monkeypatch.setattr(f"mixupe.tables.{place}.RESULTS", tmp_path / "results")
    for identity, error in errors().items():
        write_json(kept_record(tmp_path / "results" / "toy", identity), record(identity, error))
    return tmp_path / "results"


def errors() -> dict[str, float]:
    """Run id -> test error, in the table's order."""
    with hydra_initialised():
        ids = [run_id(settings) for settings in compose_all(Table.parse(TOY).override_lists())]
    return dict(zip(ids, [5.0, 6.0, 4.0, 6.0], strict=True))


def record(identity: str, error: float) -> dict[str, object]:
    curve = [error + 2, error + 1]
    curves = {"train_loss": curve, "validation_loss": curve, "validation_error": curve}
    return {"id": identity, "metrics": {"test_error": error}, "timing": {"seconds": 6.0}, "curves": curves}


def test_an_unknown_table_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "nowhere") == 2
    assert capsys.readouterr().err.startswith("error: table: 'nowhere' is unknown, allowed are")


def test_missing_runs_are_said_and_status_1(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "toy") == 0
    capsys.readouterr()
    assert call(monkeypatch, "toy", "--wandb", "seed=0,1,2", "logger=none") == 1
    assert "2 of 6 declared runs are missing" in capsys.readouterr().out
    assert pd.read_csv(results / "toy" / "table.csv")["n"].tolist() == [2, 2]
    assert (results / "toy" / "table.png").stat().st_size > 1000


def test_of_a_search_the_terminal_says_what_was_chosen_and_on_which_error(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (results / "toy" / "records").glob("*.json"):
        kept = json.loads(path.read_text())
        write_json(path, {**kept, "metrics": {**kept["metrics"], "validation_error": kept["metrics"]["test_error"]}})
    search = yaml.safe_dump(TOY | {"metric": "validation_error"}, sort_keys=False)
    (results.parent / "configs" / "table" / "toy.yaml").write_text(search)
    assert call(monkeypatch, "toy") == 0
    told = capsys.readouterr().out
    assert "Chosen: none; mixup." in told
    assert "Validation error in percent at the best epoch" in told
    assert "Test error" not in told


def test_a_damaged_record_is_one_line_and_the_earlier_table_stays(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "toy") == 0
    table = (results / "toy" / "table.csv").read_bytes()
    path = sorted((results / "toy" / "records").iterdir())[0]
    path.write_bytes(path.read_bytes()[:40])
    capsys.readouterr()
    for options in ((), ("--dry",)):
        assert call(monkeypatch, "toy", *options) == 2
        assert capsys.readouterr().err.startswith(f"error: {path} is damaged: no record of run {path.stem}; restore it")
    assert (results / "toy" / "table.csv").read_bytes() == table


def test_what_came_out_beside_the_paper_is_printed(
    monkeypatch: pytest.MonkeyPatch, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = {"dataset": "wine", "model": "mlp", "augmentation": "mixup", "value": 5.0, "source": "A", "place": "B"}
    (tmp_path / "configs" / "paper").mkdir()
    (tmp_path / "configs" / "paper" / "toy.yaml").write_text(yaml.safe_dump([figure]))
    assert call(monkeypatch, "toy") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Levels of the paper, 1 in all: 0 reproduced, 0 level differs, 1 cannot tell." in printed
    assert (results / "toy" / "paper.csv").exists()


def test_of_a_table_that_goes_on_later_missing_runs_are_no_failure_but_failed_ones_are(
    monkeypatch: pytest.MonkeyPatch, results: Path, tmp_path: Path
) -> None:
    options = ["seed=0,1,2", f"output_root={tmp_path}/outputs"]
    assert call(monkeypatch, "toy", *options) == 1
    assert call(monkeypatch, "toy", "--partial", *options) == 0
    with hydra_initialised():
        settings = compose_all(Table.parse(TOY).override_lists(options))[2]
    folder = RunStore(settings.output_root).folder(run_id(settings))
    folder.path.mkdir(parents=True)
    folder.set_failed("NonFiniteLossError", "loss is nan")
    assert call(monkeypatch, "toy", "--partial", *options) == 1


def test_a_plan_of_several_tables_has_a_total(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "toy", "nowhere", "toy", "--dry", "seed=0,1,2") == 2
    captured = capsys.readouterr()
    assert "'nowhere' is unknown, allowed are toy" in captured.err
    assert captured.out.count("Toy: plan, nothing is started") == 2
    assert captured.out.endswith("In all 12 runs, 4 to do; minutes spent: 0.8, to go: 0.4\n")
    assert not (results / "toy" / "table.csv").exists()


def test_several_tables_are_only_planned(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "toy", "toy") == 2
    assert capsys.readouterr().err == "error: table: one at a time, several with --dry; got toy, toy\n"


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        (0.0, 0, "of 2 cells: same bytes: 2."),
        (0.5, 0, "of 2 cells: same mean: 2."),
        (90.0, 1, "of 2 cells: differs: 2."),
    ],
)
def test_a_table_run_again_is_compared_with_its_records(
    monkeypatch: pytest.MonkeyPatch,
    results: Path,
    capsys: pytest.CaptureFixture[str],
    change: float,
    status: int,
    says: str,
) -> None:
    store = RunStore(Path("outputs/fresh/toy"))
    for identity, error in errors().items():
        folder = store.folder(identity)
        folder.path.mkdir(parents=True)
        write_json(folder.record, record(identity, error + change))
        folder.set_done()
    assert call(monkeypatch, "toy", "--fresh") == status
    assert says in capsys.readouterr().out
    fresh = pd.read_csv("outputs/fresh/toy/results/toy/table.csv")
    assert fresh["mean"].tolist() == [5.5 + change, 5.0 + change]
    assert not (results / "toy" / "table.csv").exists(), "the earlier table is left alone"


def test_earlier_records_do_not_count_in_a_table_run_again(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "toy", "--fresh") == 1
    out = capsys.readouterr().out
    assert "4 of 4 declared runs are missing" in out
    assert "of 2 cells: missing: 2." in out
    assert call(monkeypatch, "toy", "--fresh", "--partial") == 0
    capsys.readouterr()
    assert call(monkeypatch, "toy", "--fresh", "--dry") == 0
    assert "In all" not in capsys.readouterr().out


def test_properties_are_written_and_a_data_set_that_is_not_here_is_named(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mixupe.places.RESULTS", results)
    assert call(monkeypatch, "toy", "--properties") == 0
    assert "properties.csv: 1 data sets" in " ".join(capsys.readouterr().out.split())
    (row,) = pd.read_csv(results / "toy" / "properties.csv").to_dict("records")
    assert (row["dataset"], row["inputs"], row["classes"]) == ("wine", 13, 3)

    def not_here(_: object) -> None:
        raise UserError("wine: not here")

    monkeypatch.setattr("mixupe.tables.over_sets.properties.properties_of", not_here)
    assert call(monkeypatch, "toy", "--properties") == 2
    assert capsys.readouterr().err == "error: wine: not here\n"
