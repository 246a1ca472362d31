"""Errors that were selected on test beside those of nested validation on the same folds."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mixupe.tables.escape import csv_text
from mixupe.tables.paper import ROW
from mixupe.tables.select import SELECTED_ON_TEST
from mixupe.tables.verdict import Mean

NESTED_NOTE = (
    f"Test error in percent, mean ± standard deviation over the folds. {SELECTED_ON_TEST.capitalize()}: setting and epoch"
    " with the lowest mean test error, which flatters. Nested validation: in each fold the setting and epoch with the lowest"
    " error on a validation part of its own training examples; the test part is read once."
)


@dataclass(frozen=True)
class NestedRow:
    """A row of a table selected on test, and the same row of the table that chooses by nested validation."""

    names: tuple[str, ...]
    selected: Mean
    nested: Mean
    declared: int


def nested_rows(frame: pd.DataFrame, nested: pd.DataFrame) -> list[NestedRow]:
    """One a row that both have (`rows.table_frame` of each)."""
    others = {tuple(row[key] for key in ROW): row for _, row in nested.iterrows()}
    found = []
    for _, row in frame.iterrows():
        names = tuple(row[key] for key in ROW)
        if names in others:
            other = others[names]
            found.append(NestedRow(names, _mean(row), _mean(other), int(other["declared"])))
    return found


def _mean(row: "pd.Series[float]") -> Mean:
    return Mean(float(row["mean"]), float(row["std"]), int(row["n"]))


def nested_grid(rows: Sequence[NestedRow]) -> tuple[list[str], list[list[str]]]:
    """Header and body for people."""
    header = ["data set", "model", "method", SELECTED_ON_TEST, "nested validation", "flattered by"]
    body = []
    for row in rows:
        gain = row.nested.mean - row.selected.mean
        few = f" of {row.declared} folds" if 0 < row.nested.n < row.declared else ""
        flattered = "-" if gain != gain else f"{gain:+z.2f}"
        body.append([*row.names, row.selected.text, f"{row.nested.text}{few}", flattered])
    return header, body


def nested_to_csv(rows: Sequence[NestedRow]) -> str:
    """One line a row; errors in percent."""
    frame = pd.DataFrame(
        {
            **dict(zip(ROW, row.names, strict=True)),
            **row.selected.columns("selected_on_test"),
            **row.nested.columns("nested"),
        }
        for row in rows
    )
    return csv_text(frame, list(frame.columns))
