"""Columns as they come from files, brought to two kinds: numbers (float64) and categories (text); NaN is missing."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

from mixupe.data.tabular.missing_marks import MISSING_MARKERS
from mixupe.errors import UserError
from mixupe.quoting import list_override

_SIMPLE = (str, bool, int, float, np.bool_, np.integer, np.floating, Decimal)
_HELD: tuple[tuple[tuple[type, ...], str], ...] = (
    ((list, tuple, set, np.ndarray), "lists"),
    ((dict,), "dicts"),
    ((bytes, bytearray), "bytes"),
    ((dt.date, dt.time), "dates or times"),
    ((dt.timedelta,), "durations"),
)


def clean(
    frame: pd.DataFrame,
    name: str,
    *,
    categorical: frozenset[str] = frozenset(),
    missing: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Every column as float64 or as text in an object column.

    Numbers and booleans (also pandas' nullable ones, and booleans as objects) become float64, as does text that is a
    number in every row. Text is stripped; `?`, `<null>`, `NA` and the like are missing. pandas' own category type stays
    categorical, whatever it holds (booleans are numbers).

    Args:
        frame: N rows, columns of any dtype.
        name: of the set, for error messages.
        categorical: names of columns that hold categories although they are stored as numbers.
        missing: texts that mean that there is no value, besides the empty one; None is `MISSING_MARKERS`.

    Raises:
        UserError: a column holds dates, infinite numbers, lists or the like.
    """
    markers = MISSING_MARKERS if missing is None else ("", *missing)
    columns = {
        str(column): _clean_column(frame[column], name, str(column) in categorical, markers) for column in frame.columns
    }
    return pd.DataFrame(columns, index=frame.index)


def _clean_column(column: pd.Series, name: str, categorical: bool, markers: Sequence[str]) -> pd.Series:
    where = f"dataset: column {str(column.name)!r} of {name}"
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        column = column.astype("boolean")  # objects as one is missing, which other rows of the table need not have
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        if pd.api.types.is_complex_dtype(dtype):
            raise UserError(f"{where} holds complex numbers; numbers or text are allowed")
        numbers = column.astype("float64") if not pd.api.types.is_extension_array_dtype(dtype) else _nullable(column)
        if np.isinf(numbers).any():
            raise UserError(f"{where} holds {int(np.isinf(numbers).sum())} infinite number(s); only finite are allowed")
        if categorical:
            # Neighbours above 2^53 are one float64.
            is_exact = pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_integer_dtype(dtype)
            return _as_text(column if is_exact else numbers, markers)
        return numbers
    if not isinstance(dtype, pd.CategoricalDtype) and not pd.api.types.is_string_dtype(dtype.name):
        raise _refused(column, where, str(dtype))
    _check_values(column, where)
    text = _as_text(column, markers)
    if categorical or isinstance(dtype, pd.CategoricalDtype):
        return text
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    is_number = text.notna().any() and numbers.notna().equals(text.notna()) and not np.isinf(numbers).any()
    return numbers if is_number else text


def _nullable(column: pd.Series) -> pd.Series:
    return pd.Series(column.to_numpy(dtype="float64", na_value=np.nan), index=column.index)


def _check_values(column: pd.Series, where: str) -> None:
    """A column of Python objects may hold anything."""
    is_nominal = isinstance(column.dtype, pd.CategoricalDtype)
    values = column.cat.categories if is_nominal else column.dropna()
    other = next((kind for kind in dict.fromkeys(map(type, values)) if not issubclass(kind, _SIMPLE)), None)
    if other is not None:
        held = next((words for kinds, words in _HELD if issubclass(other, kinds)), f"values of type {other.__name__}")
        raise _refused(column, where, held)


def _refused(column: pd.Series, where: str, held: str) -> UserError:
    how = list_override("dataset.drop", [str(column.name)])
    return UserError(f"{where} holds {held}; numbers or text are allowed; leave it out: {how}")


def _as_text(column: pd.Series, markers: Sequence[str]) -> pd.Series:
    missing = column.isna()
    text = column.astype("object").where(missing, column.astype("object").map(_text_of).str.strip())
    return text.where(~(missing | text.isin(markers)), np.nan).astype("object")


def _text_of(value: object) -> str:
    """1.0 is 1, whatever numbers are beside it, which other rows need not have."""
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value) if is_whole else value)  # type: ignore[call-overload]  # of a number


def informative(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Without columns that tell nothing: one value in every row, or a category of its own in every row; and notes.

    Args:
        frame: N rows as `clean` makes them.
        name: of the set, for error messages.

    Raises:
        UserError: a column has no value in any row, or no column is left.
    """
    columns = [str(column) for column in frame.columns]
    empty = [column for column in columns if frame[column].isna().all()]
    if empty:
        raise UserError(f"dataset: column {empty[0]!r} of {name} has no value in any row; leave it out (dataset.drop)")
    distinct = frame.nunique(dropna=False)
    constant = [column for column in columns if distinct[column] == 1]
    names = [column for column in columns if frame[column].dtype == object and distinct[column] == len(frame) > 1]
    notes = _left_out(constant, "the same value in every row") + _left_out(names, "another text in every row")
    kept = frame.drop(columns=[*constant, *names])
    if kept.shape[1] == 0:
        raise UserError(f"dataset: {name} has no column to learn from")
    return kept, notes


def _left_out(columns: list[str], why: str) -> tuple[str, ...]:
    return (f"{len(columns)} column(s) with {why} left out: {', '.join(columns)}",) if columns else ()
