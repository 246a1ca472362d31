"""Errors that were selected on test beside those of nested validation on the same folds."""

import pandas as pd

from mixupe.tables.numbers import number_text
from mixupe.tables.paper import ROW
from mixupe.tables.select import SELECTED_ON_TEST
from mixupe.tables.statistics import Summary

NESTED_NOTE = (
    f"Test error in percent, mean ± standard deviation over the folds. {SELECTED_ON_TEST.capitalize()}: setting and epoch"
    " with the lowest mean test error, which flatters. Nested validation: in each fold the setting and epoch with the lowest"
    " error on a validation part of its own training examples; the test part is read once."
)


_OF = ("selected_on_test", "nested")


def nested_frame(frame: pd.DataFrame, nested: pd.DataFrame) -> pd.DataFrame:
    """One row a row that both tables have (`compare.table_frame` of each): ROW, mean, std and n of each with its name before
    it, and `declared`, the folds of nested validation.
    """
    both = [
        of_table.set_index(list(ROW))[["mean", "std", "n"]].add_prefix(f"{name}_")
        for name, of_table in zip(_OF, (frame, nested), strict=True)
    ]
    return both[0].join([both[1], nested.set_index(list(ROW))["declared"]], how="inner").reset_index()


def nested_grid(rows: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and body for people."""
    header = ["data set", "model", "method", SELECTED_ON_TEST, "nested validation", "flattered by"]
    body = []
    for _, row in rows.iterrows():
        selected, nested = (Summary(row[f"{name}_mean"], row[f"{name}_std"], row[f"{name}_n"]) for name in _OF)
        few = f" of {row['declared']} folds" if 0 < nested.n < row["declared"] else ""
        gain = number_text(nested.mean - selected.mean, "+z.2f")
        body.append([*(row[key] for key in ROW), selected.text, f"{nested.text}{few}", gain])
    return header, body
