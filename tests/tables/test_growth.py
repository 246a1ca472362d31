"""Twice the runs take about twice the time: planning a table, building it, and asking for a sweep that is done."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_record
from mixupe.experiment.sweep import run_sweep
from mixupe.files import write_json
from mixupe.tables.build import write_table
from mixupe.tables.collect import declared_runs
from mixupe.tables.manifest import Table
from mixupe.tables.plan import plan
from mixupe.tables.render import MOST_CELLS


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with hydra_initialised():
        yield


def table(cells: int) -> Table:
    """One data set with as many learning rates as cells, four methods and five seeds."""
    return Table.parse(
        {
            "name": "large",
            "title": "Large",
            "seeds": [0, 1, 2, 3, 4],
            "augmentations": {"none": [], "mixup": [], "manifold_mixup": [], "mixupe": []},
            "cells": [
                {"dataset": "tabular/wine", "label": f"cell {i}", "overrides": [f"optimizer.lr={0.001 + i * 1e-5:.5f}"]}
                for i in range(cells)
            ],
        }
    )


def records(cells: int, folder: Path) -> Table:
    """The table with a record of every run in `folder`."""
    declared = table(cells)
    for number, run in enumerate(declared_runs(declared, folder)):
        identity = run_id(run.settings)
        curve = [float(number)] * 30
        record = {
            "id": identity,
            "metrics": {"test_error": 5.0 + number % 7 + number % 11},
            "curves": {"train_loss": curve, "validation_loss": curve, "validation_error": curve},
        }
        write_json(kept_record(folder, identity), record)
    return declared


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.slow
def test_planning_grows_with_the_number_of_runs(tmp_path: Path) -> None:
    def work(cells: int) -> Callable[[], object]:
        return lambda: plan(declared_runs(table(cells), tmp_path, [f"output_root={tmp_path}"]))

    work(1)()
    assert cpu_seconds(work(200)) < 3 * cpu_seconds(work(100))


@pytest.mark.slow
def test_building_and_asking_again_grow_with_the_number_of_records(tmp_path: Path) -> None:
    small, large = (records(cells, tmp_path / str(cells)) for cells in (100, 200))

    def build(declared: Table) -> Callable[[], object]:
        folder = tmp_path / str(len(declared.cells))
        return lambda: write_table(declared, declared_runs(declared, folder), folder)

    def sweep(declared: Table) -> Callable[[], object]:
        folder = tmp_path / str(len(declared.cells))
        return lambda: run_sweep("large", declared.override_lists([f"output_root={tmp_path}"]), None, folder)

    for work in (build, sweep):
        work(small)()
        assert cpu_seconds(work(large)) < 3 * cpu_seconds(work(small)), work.__name__


@pytest.mark.parametrize("cells", [1, MOST_CELLS + 1])
def test_pictures_are_drawn_while_they_can_be_read(cells: int, tmp_path: Path) -> None:
    declared = records(cells, tmp_path)
    (tmp_path / "table.png").write_text("of a smaller table")
    write_table(declared, declared_runs(declared, tmp_path), tmp_path)
    drawn = {path.name for path in tmp_path.glob("*.png")}
    line = f"No pictures of its cells: the table has {cells} of them, more than {MOST_CELLS}."
    said = line in (tmp_path / "table.md").read_text()
    if cells > MOST_CELLS:
        assert (drawn, said) == (set(), True)
    else:
        assert ({"table.png", "curves.png", "differences.png"} <= drawn, said) == (True, False)
