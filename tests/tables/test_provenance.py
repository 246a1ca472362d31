"""Cells whose runs are not of one clean commit say so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixupe.report.content import section
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.manifest import Table
from mixupe.tables.provenance import provenance_lines
from mixupe.tables.render import to_markdown
from tests.tables.fake import fake_runs

TABLE = Table.parse(
    {
        "name": "toy",
        "title": "Toy",
        "seeds": [0, 1],
        "augmentations": {"none": [], "mixup": [], "mixupe": []},
        "cells": [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}, {"dataset": "tabular/vehicle"}],
    }
)
OLD, NEW = "a" * 40, "b" * 40


def coded(runs: list[DeclaredRun], **codes: Any) -> list[DeclaredRun]:
    """The runs with the code of each data set: method -> (commit, dirty); `all` for the others."""
    result = []
    for run in runs:
        assert run.record is not None
        of_cell = codes.get(run.settings.dataset.name, {})
        commit, dirty = of_cell.get(run.method, of_cell.get("all", (NEW, False)))
        result.append(replace(run, record={**run.record, "code": {"commit": commit, "dirty": dirty}}))
    return result


@pytest.fixture
def runs(tmp_path: Path) -> list[DeclaredRun]:
    return fake_runs(TABLE, tmp_path, lambda run: 5.0 + run.settings.seed)


def test_one_clean_commit_needs_no_line(runs: list[DeclaredRun]) -> None:
    assert provenance_lines(coded(runs)) == []


def test_cells_of_several_commits_or_with_changes_are_named_with_their_methods(runs: list[DeclaredRun]) -> None:
    mixed, dirty = {"none": (OLD, False)}, {"all": (NEW, True)}
    assert provenance_lines(coded(runs, wine=mixed, iris=dirty, vehicle=mixed)) == [
        "Not of one commit (aaaaaaaa: none; bbbbbbbb: mixup, mixupe): wine mlp, vehicle mlp.",
        "From a tree with uncommitted changes (bbbbbbbb + changes: none, mixup, mixupe): iris mlp.",
    ]


def test_seeds_of_one_method_can_be_of_two_commits(runs: list[DeclaredRun]) -> None:
    found = coded(runs)
    assert found[0].record is not None
    found[0] = replace(found[0], record={**found[0].record, "code": {"commit": None, "dirty": None}})
    assert provenance_lines(found) == ["Not of one commit (bbbbbbbb: none, mixup, mixupe; unknown: none): wine mlp."]


def test_table_and_page_say_it(runs: list[DeclaredRun], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixupe.report.content.pictures", lambda *_: [])
    found = coded(runs, wine={"none": (OLD, True)})
    line = "Not of one commit (aaaaaaaa + changes: none; bbbbbbbb: mixup, mixupe): wine mlp."
    comparisons = comparison_frame(found)
    assert f"- {line}" in to_markdown("Toy", table_frame(found, comparisons), comparisons, found)
    assert line in section(TABLE, found).notes
