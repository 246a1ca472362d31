"""Columns that are text to the reader of the file and numbers to a person; what is read how is said."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from mixupe.data.tabular.missing_marks import MARKS_AMONG_NUMBERS, MISSING_MARKERS
from mixupe.data.tabular.number_text import parse_numbers
from mixupe.quoting import list_override, plain_or_quoted, shell_word

# From this share on a column is taken for one of numbers with something odd in it.
MOSTLY = 0.5
# Notes of one kind.
SHOWN = 3

# The kind, and what is said.
_Note = tuple[str, str]


@dataclass(frozen=True)
class Writing:
    """How numbers are written and what means that there is none.

    Attributes:
        decimal: mark, `.` or `,`.
        thousands: mark between groups of three digits; None is the other one of `.` and `,`.
        missing: texts that mean that there is no value; None are the usual ones.
        first_row: what the file's owner calls its first row.
    """

    decimal: str = "."
    thousands: str | None = None
    missing: tuple[str, ...] | None = None
    first_row: int = 1


def read_text_columns(
    frame: pd.DataFrame, writing: Writing, keep: frozenset[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Text columns whose every cell is a number or a mark for none as float64, and notes; the others as they are.

    A text column with numbers in it that is left text becomes nominal, so that nothing takes it for numbers later.

    Args:
        frame: N rows.
        keep: columns that are not to be looked at (the target, declared categories).
    """
    columns: dict[Any, pd.Series] = {}
    notes: dict[str, list[str]] = {}
    for name in frame.columns:
        column = frame[name]
        if str(name) not in keep and pd.api.types.infer_dtype(column, skipna=True) == "string":
            column, said = _read(column, writing)
            for kind, note in said:
                notes.setdefault(kind, []).append(note)
        columns[name] = column
    return pd.DataFrame(columns, index=frame.index), tuple(note for alike in notes.values() for note in few(alike))


def few(notes: Sequence[str]) -> tuple[str, ...]:
    """Notes that say the same of one column each: the first, and how many more; a wide table would fill the screen."""
    more = len(notes) - SHOWN
    return (*notes[:SHOWN], *([f"so it is with {more} more column(s)"] if more > 0 else []))


def without_declared_missing(frame: pd.DataFrame, missing: Sequence[str] | None) -> pd.DataFrame:
    """With NaN for every cell, text or number, that the user has declared to mean that there is none."""
    if not missing:
        return frame
    texts = [text.strip() for text in missing]
    numbers = set(pd.to_numeric(pd.Series(texts), errors="coerce").dropna())
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.infer_dtype(column, skipna=True) == "string":
            column = column.mask(column.str.strip().isin(texts))
        elif pd.api.types.is_numeric_dtype(column):
            column = column.mask(column.isin(numbers))
        columns[name] = column
    return pd.DataFrame(columns, index=frame.index)


def _read(column: pd.Series, writing: Writing) -> tuple[pd.Series, list[_Note]]:
    text = column.str.strip()
    numbers, units = parse_numbers(text, writing.decimal, writing.thousands)
    is_mark = text.isin(MARKS_AMONG_NUMBERS if writing.missing is None else [""])
    is_other = text.notna() & numbers.isna() & ~is_mark
    said = f"column {str(column.name)!r}"
    if numbers.notna().any() and not is_other.any() and len(units) <= 1:
        return numbers, _read_as(text, numbers, is_mark, writing, said)
    why = _why_text(text, numbers, is_other, units, writing, said)
    return column.astype("category") if why else column, why


def _why_text(
    text: pd.Series, numbers: pd.Series, is_other: pd.Series, units: frozenset[str], writing: Writing, said: str
) -> list[_Note]:
    """What keeps a column with numbers in it from being one of numbers, and what to declare; nothing for mere text."""
    count, present = int(numbers.notna().sum()), int((numbers.notna() | is_other).sum())
    if is_other.any() and (written := _written_otherwise(text[is_other], writing)):
        return [(written, f"{said} is read as text: {_first(text, is_other, writing)} and the like have {written}")]
    if not count or count < MOSTLY * present:
        return []
    if len(units) > 1:
        return [("units", f"{said} is read as text: its numbers have several units ({', '.join(sorted(units))})")]
    others = [str(other) for other in text[is_other].unique()]
    how = list_override("dataset.missing", others[:3])
    note = (
        f"{said} is read as text: {count} of {present} values are numbers, first other:"
        f" {_first(text, is_other, writing)}; {how} would read {'it' if len(others) == 1 else 'such'} as missing"
    )
    return [("others", note)]


def _written_otherwise(others: pd.Series, writing: Writing) -> str | None:
    """The marks by which all of these texts are numbers, and the keys that declare them; None where they are none."""
    comma = {".": ",", ",": "."}[writing.decimal]
    for decimal, thousands in product((writing.decimal, comma), (None, "'", " ")):
        if parse_numbers(others, decimal, thousands)[0].isna().any():
            continue
        marks, keys = [], []
        if decimal == comma:
            marks.append(f"the decimal mark {comma!r}")
            keys.append(shell_word(f"dataset.decimal={plain_or_quoted(comma)}"))
        if thousands is not None:
            marks.append(f"{thousands!r} between thousands")
            keys.append(shell_word(f"dataset.thousands={plain_or_quoted(thousands)}"))
        if keys:
            return f"{' and '.join(marks)}: {' '.join(keys)}"
    return None


def _read_as(text: pd.Series, numbers: pd.Series, is_mark: pd.Series, writing: Writing, said: str) -> list[_Note]:
    """How the unusual cells of a column of numbers were read."""
    notes = []
    is_unusual = is_mark & ~text.isin(MISSING_MARKERS)  # usual ones are counted anyway
    if is_unusual.any():
        values = f"{int(numbers.notna().sum())} of {int(text.notna().sum())} values are numbers"
        note = f"{said}: {values}, first other: {_first(text, is_unusual, writing)}, read as missing"
        notes.append(("marks", note))
    is_special = numbers.notna() & pd.to_numeric(text, errors="coerce").isna()
    if is_special.any():
        value = numbers[is_special].iloc[0]
        count = f"and {int(is_special.sum()) - 1} more " if is_special.sum() > 1 else ""
        note = f"{said}: {_first(text, is_special, writing)} {count}read as numbers, the first as {value:.10g}"
        notes.append(("special", note))
    return notes


def _first(text: pd.Series, chosen: pd.Series, writing: Writing) -> str:
    position = int(chosen.to_numpy().argmax())
    return f"row {position + writing.first_row} {str(text.iloc[position])!r}"
