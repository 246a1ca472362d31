"""A built table is shown again only where building it again would change nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixupe.tables import unchanged as module
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import Table
from mixupe.tables.unchanged import remember, unchanged
from tests.tables.fake import fake_runs

TOY = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1],
    "augmentations": {"none": [], "mixup": []},
    "cells": [{"dataset": "tabular/iris"}],
}
SAID = {"title": "Toy", "rows": [["iris", "none", "5.00", ""]], "lines": ["Means."]}

Ask = Callable[..., dict[str, Any] | None]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Asks for a table that was built and remembered, as it is or with something else."""
    table = Table.parse(TOY)
    runs = fake_runs(table, tmp_path, lambda run: 5.0 + run.settings.seed)
    folder = tmp_path / "results" / "toy"
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text("5.0\n")
    remember(table, runs, ["seed=0,1"], folder, SAID)

    def asked(table: Table = table, runs: list[DeclaredRun] = runs, overrides: tuple[str, ...] = ("seed=0,1",)) -> Any:
        return unchanged(table, runs, overrides, folder)

    asked.runs = runs  # type: ignore[attr-defined]
    return asked


def test_what_was_said_is_said_again(ask: Ask) -> None:
    assert ask() == SAID


def test_any_difference_is_seen(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[DeclaredRun] = ask.runs  # type: ignore[attr-defined]
    assert runs[0].record is not None
    assert ask(overrides=()) is None
    assert ask(table=Table.parse(TOY | {"title": "Toys"})) is None
    assert ask(runs=[replace(runs[0], record={**runs[0].record, "seed": 9}), *runs[1:]]) is None
    assert ask(runs=[replace(runs[0], record=None, state="MISSING"), *runs[1:]]) is None
    with monkeypatch.context() as patched:
        patched.setattr(module, "_WANDB", [("WANDB_MODE", "online")])
        assert ask() is None
    (tmp_path / "results" / "toy" / "table.csv").write_text("4.0\n")
    assert ask() is None


def test_a_table_that_stands_on_others_is_always_built(tmp_path: Path) -> None:
    table = Table.parse(TOY | {"tuned_on": "tune_tabular"})
    runs = fake_runs(table, tmp_path, lambda _: 5.0)
    remember(table, runs, [], tmp_path, SAID)
    assert unchanged(table, runs, [], tmp_path) is None
    assert not (tmp_path / "outputs" / "tables").exists()
