"""From a table's runs to paired differences by data set."""

from dataclasses import replace
from pathlib import Path

from mixupe.tables.manifest import Table
from mixupe.tables.over_sets.differences import differences_by_set, mean_errors
from tests.tables.fake import fake_runs

TABLE = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1, 2],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "cells": [
        {"dataset": "tabular/wine"},
        {"dataset": "tabular/wine", "label": "short", "overrides": ["trainer.epochs=3"]},
        {"dataset": "digits", "overrides": ["model.width=8"]},
    ],
}
ERRORS = {"none": 5.0, "mixup": 4.0, "mixupe": 2.0}


def test_cells_of_one_set_are_one_difference_and_seeds_are_paired(tmp_path: Path) -> None:
    runs = fake_runs(
        Table.parse(TABLE), tmp_path, lambda run: ERRORS[run.method] * (1 + run.cell) + 10 * run.settings.seed
    )
    wine, digits = differences_by_set(runs, "mixupe")
    assert (wine.name, wine.domain, wine.values) == ("wine", "tabular", (-3.0, -3.0, -3.0)), "mean of -2 and -4"
    assert wine.test_to_train > 0
    assert (digits.name, digits.domain, digits.values) == ("digits", "images", (-6.0, -6.0, -6.0))
    names, errors = mean_errors(runs, ["none", "mixupe"])
    assert names == ["wine", "digits"]
    assert errors.tolist() == [[17.5, 13.0], [25.0, 16.0]]


def test_seeds_and_sets_without_a_record_are_left_out(tmp_path: Path) -> None:
    runs = [
        replace(run, record=None)
        if run.method == "mixup" and (run.cell == 2 or (run.settings.seed == 0 and run.cell < 2))
        else run
        for run in fake_runs(Table.parse(TABLE), tmp_path, lambda run: ERRORS[run.method])
    ]
    (wine,) = differences_by_set(runs, "mixupe")
    assert wine.values == (-2.0, -2.0)
    assert mean_errors(runs, ["mixup", "mixupe"])[0] == ["wine"]
