"""Columns that say which row it is, not what is in it: they tell the class wherever rows were collected by class."""

import re

import numpy as np
import pandas as pd

from mixupe.quoting import list_override

# What pandas and Arrow call a column of theirs that has no name.
_NO_NAME = re.compile(r"|Unnamed: \d+|__index_level_\d+__")


def without_unnamed(frame: pd.DataFrame, wanted: frozenset[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """N rows without columns that have no name, and a note; one that the user names is kept."""
    is_unnamed = [bool(_NO_NAME.fullmatch(str(name))) and str(name) not in wanted for name in frame.columns]
    if not any(is_unnamed):
        return frame, ()
    numbers = ", ".join(str(position + 1) for position in np.flatnonzero(is_unnamed))
    note = f"{sum(is_unnamed)} column(s) without a name left out: number {numbers}"
    return frame.loc[:, ~np.array(is_unnamed)], (note,)


def without_row_numbers(frame: pd.DataFrame, wanted: frozenset[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """N rows without columns that count them, up or down, and a note; one that the user names is kept."""
    counting = [str(name) for name in frame.columns if str(name) not in wanted and _counts(frame[name])]
    notes = (f"{len(counting)} column(s) that number the rows left out: {', '.join(counting)}",) if counting else ()
    return frame.drop(columns=[name for name in frame.columns if str(name) in counting]), notes


def _counts(column: pd.Series) -> bool:
    if len(column) < 3 or not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    numbers = column.to_numpy(dtype="float64", na_value=np.nan)
    steps = np.diff(numbers)
    return bool(numbers[0] % 1 == 0 and ((steps == 1).all() or (steps == -1).all()))


def id_warnings(features: pd.DataFrame) -> tuple[str, ...]:
    """A warning where columns hold another whole number in every row, as ids do; some measurements do, too.

    Args:
        features: N rows as they come, without declared categories: in float64 long numbers would be alike.
    """
    numbers = features.select_dtypes("number")
    unlike = [str(name) for name in numbers if _is_whole(numbers[name]) and numbers[name].is_unique]
    if not unlike or len(features) < 3:
        return ()
    shown = f"{len(unlike)} column(s) with another whole number in every row, as ids have: {', '.join(unlike)}"
    how = list_override("dataset.drop", unlike)
    return (f"WARNING: {shown}; an id can give the class away, leave out what is no measurement: {how}",)


def _is_whole(column: pd.Series) -> bool:
    return not pd.api.types.is_complex_dtype(column) and bool(column.notna().all() and (column % 1 == 0).all())
