"""A difference step by step, and one set of runs in several measures."""

from dataclasses import replace
from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.manifest import Table
from mixupe.tables.measures import measured
from mixupe.tables.pictures.curves import loss_figures
from mixupe.tables.pictures.waterfall import waterfall_figures
from mixupe.tables.waterfall import waterfall_grid, waterfall_to_csv, ways
from tests.tables.fake import fake_runs

TABLE = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1, 2],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "waterfall": {"all": ["none", "mixup", "mixupe"]},
    "cells": [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}],
}
ERRORS = {"none": 12.0, "mixup": 9.0, "mixupe": 8.0}


def runs_of(folder: Path) -> list[DeclaredRun]:
    # Seeds differ by far more than methods: paired differences do not see it.
    return fake_runs(
        Table.parse(TABLE),
        folder,
        lambda run: ERRORS[run.method] + 5 * run.settings.seed + 0.1 * run.settings.seed * (run.method == "mixup"),
    )


def test_steps_are_paired_differences_and_add_up(tmp_path: Path) -> None:
    found = ways(Table.parse(TABLE).waterfall, runs_of(tmp_path))
    assert [way.title for way in found] == ["wine (mlp)", "iris (mlp)"]
    first, second = found[0].steps
    assert (first.since, first.to, second.to) == ("none", "mixup", "mixupe")
    assert first.difference.mean == pytest.approx(-2.9)
    assert first.difference.ci_high - first.difference.ci_low < 1
    assert first.difference.mean + second.difference.mean == pytest.approx(found[0].whole.mean) == pytest.approx(-4)
    assert first.share + second.share == pytest.approx(1)
    assert waterfall_grid(found)[1][2] == [
        "wine (mlp)",
        "all",
        "none",
        "mixupe",
        "3",
        "-4.00",
        "-",  # these differ alike in all seeds
        "100%",
    ]
    assert waterfall_to_csv(found).splitlines()[1].startswith("wine (mlp),all,none,mixup,3,-2.9,")


def test_a_way_with_a_method_that_has_not_run_is_left_out(tmp_path: Path) -> None:
    runs = [replace(run, record=None) if (run.cell, run.method) == (0, "mixup") else run for run in runs_of(tmp_path)]
    assert [way.title for way in ways(Table.parse(TABLE).waterfall, runs)] == ["iris (mlp)"]
    assert waterfall_figures("Toy", []) == []


def test_bars_start_where_the_last_one_ends(tmp_path: Path) -> None:
    found = ways(Table.parse(TABLE).waterfall, runs_of(tmp_path))
    (figure,) = waterfall_figures("Toy", found)
    bars = [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert bars[0] == pytest.approx((0, 17.0))
    assert bars[1] == pytest.approx((17.0, -2.9))
    assert bars[2] == pytest.approx((14.1, -1.1))
    assert bars[3] == pytest.approx((0, 13.0))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["none", "→ mixup", "→ mixupe", "mixupe"]


def test_measures_are_rows_of_the_same_runs(tmp_path: Path) -> None:
    runs = [
        replace(run, record={**run.record, "metrics": {**run.record["metrics"], "test_error_turned": 40.0 + run.cell}})
        for run in runs_of(tmp_path)
        if run.record is not None
    ]
    rows = measured({"plain": "test_error", "turned": "test_error_turned"}, runs)
    assert len(rows) == 2 * len(runs)
    assert [rows[at].names["dataset"] for at in (0, 9, 18, 27)] == [
        "wine plain",
        "wine turned",
        "iris plain",
        "iris turned",
    ]
    errors = errors_by_seed(rows)
    assert errors[1, "mixup"] == {0: 40.0, 1: 40.0, 2: 40.0}
    assert errors[2, "none"] == {0: 12.0, 1: 17.0, 2: 22.0}
    assert measured({}, runs) == runs


def test_a_measure_that_no_record_has_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"table\.measures\.turned: record [0-9a-f]+ has no test_error_turned, it has best_epoch"
    ):
        measured({"turned": "test_error_turned"}, runs_of(tmp_path))


def test_losses_are_drawn_where_the_protocol_reads_the_test_part(tmp_path: Path) -> None:
    runs = runs_of(tmp_path)
    assert loss_figures("Toy", runs) == []
    paper = [replace(run, settings=run.settings.model_copy(update={"protocol": "paper"})) for run in runs]
    (figure,) = loss_figures("Toy", paper)
    assert [axis.get_ylabel() for axis in figure.axes] == [
        "train loss (nats, log scale)",
        "test loss (nats, log scale)",
    ] * 2
    assert {axis.get_yscale() for axis in figure.axes} == {"log"}
