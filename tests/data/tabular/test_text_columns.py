"""Columns of numbers with something odd in them."""

import numpy as np
import pandas as pd
import pytest

from mixupe.data.tabular.text_columns import Writing, read_text_columns, without_declared_missing

NUMBERS = [f"{row}.5" for row in range(1, 10)]


def read(cells: list[str], **writing: object) -> tuple[pd.Series, tuple[str, ...]]:
    frame = pd.DataFrame({"x": pd.Series(cells, dtype="object")})
    result, notes = read_text_columns(frame, Writing(first_row=2, **writing), frozenset())  # type: ignore[arg-type]
    return result["x"], notes


@pytest.mark.parametrize("mark", ["-", "--", "–", ".", "n/a", "None", "#N/A"])  # noqa: RUF001
def test_a_mark_for_none_among_numbers_is_missing_and_said(mark: str) -> None:
    column, notes = read([*NUMBERS, f" {mark} "])
    np.testing.assert_array_equal(column, [*map(float, NUMBERS), np.nan])
    assert notes == (f"column 'x': 9 of 10 values are numbers, first other: row 11 {mark!r}, read as missing",)


@pytest.mark.parametrize("mark", ["?", "NA", ""])
def test_usual_marks_are_only_counted(mark: str) -> None:
    column, notes = read([*NUMBERS, mark])
    assert (column.isna().sum(), notes) == (1, ())


@pytest.mark.parametrize(("cell", "value"), [("12%", 0.12), ("$1,304", 1304), ("1,304", 1304), ("-1,304.5", -1304.5)])
def test_unusual_numbers_are_read_and_said(cell: str, value: float) -> None:
    column, notes = read([*NUMBERS, cell, cell])
    assert column.iloc[-1] == pytest.approx(value)
    assert notes == (f"column 'x': row 11 {cell!r} and 1 more read as numbers, the first as {value:g}",)


def test_another_text_among_numbers_is_told_and_can_be_declared_missing() -> None:
    cells = [*NUMBERS, "<11"]
    column, notes = read(cells)
    assert column.dtype == "category"
    assert notes == (
        "column 'x' is read as text: 9 of 10 values are numbers, first other: row 11 '<11';"
        " \"dataset.missing=['<11']\" would read it as missing",
    )
    declared = without_declared_missing(pd.DataFrame({"x": cells}), ["<11"])
    column, notes = read(list(declared["x"]), missing=("<11",))
    assert (column.isna().sum(), column.dtype.kind, notes) == (1, "f", ())


def test_what_is_so_in_many_columns_is_told_of_the_first() -> None:
    frame = pd.DataFrame({f"x{number}": [f"{n},5" for n in range(5)] for number in range(9)} | {"y": [*"1234", "<5"]})
    notes = read_text_columns(frame, Writing(first_row=2), frozenset())[1]
    assert [note[:11] for note in notes] == ["column 'x0'", "column 'x1'", "column 'x2'", "so it is wi", "column 'y' "]
    assert notes[3] == "so it is with 6 more column(s)"


def test_what_is_declared_missing_takes_the_place_of_the_usual_marks() -> None:
    column, notes = read([*NUMBERS, "-"], missing=())
    assert column.dtype == "category"
    assert "first other: row 11 '-'" in notes[0]


def test_numbers_can_be_declared_missing() -> None:
    frame = pd.DataFrame({"x": [1, -999, 3], "y": ["a", "-999", "b"], "emb": [[1], [2], [3]]})
    result = without_declared_missing(frame, ["-999"])
    assert result.isna().sum().to_dict() == {"x": 1, "y": 1, "emb": 0}


def test_decimal_commas_are_told_and_can_be_declared() -> None:
    cells = ["1,5", "2,25", "3", "1,304"]
    column, notes = read(cells)
    assert column.dtype == "category"
    assert notes == (
        "column 'x' is read as text: row 2 '1,5' and the like have the decimal mark ',': \"dataset.decimal=','\"",
    )
    column, _ = read(cells, decimal=",")
    np.testing.assert_array_equal(column, [1.5, 2.25, 3, 1.304])


@pytest.mark.parametrize("mark", ["'", "\u2019", " ", "\u00a0", "\u202f", "\u2009"])
def test_other_marks_between_thousands_are_told_and_can_be_declared(mark: str) -> None:
    thousands = "'" if mark in "'\u2019" else " "
    cells = ["12", f"1{mark}304", f"2{mark}000{mark}000.5"]
    column, notes = read(cells)
    assert column.dtype == "category"
    shown = {"'": '"\'"', " ": "' '"}[thousands]
    assert notes[0].startswith(
        f"column 'x' is read as text: row 3 {cells[1]!r} and the like have {shown} between thousands: "
    )
    assert "dataset.thousands=" in notes[0]
    column, _ = read(cells, thousands=thousands)
    np.testing.assert_array_equal(column, [12, 1304, 2000000.5])


def test_both_marks_are_told_at_once() -> None:
    cells = ["12", "1\u202f304,5"]
    _, notes = read(cells)
    assert notes[0].endswith(
        "have the decimal mark ',' and ' ' between thousands: \"dataset.decimal=','\" \"dataset.thousands=' '\""
    )
    column, _ = read(cells, decimal=",", thousands=" ")
    np.testing.assert_array_equal(column, [12, 1304.5])


def test_several_units_are_no_numbers() -> None:
    column, notes = read(["5 €", "6 €", "7 $"])
    assert column.dtype == "category"
    assert notes == ("column 'x' is read as text: its numbers have several units ($, €)",)


@pytest.mark.parametrize("cells", [["red", "blue", "1"], ["-", "-", "-"], ["a,b", "1,5", "c"]])
def test_categories_are_left_alone(cells: list[str]) -> None:
    column, notes = read(cells)
    assert (list(column), notes) == (cells, ())


def test_columns_to_keep_are_not_looked_at() -> None:
    frame = pd.DataFrame({"zip": ["1,304", "2,304"]})
    result, notes = read_text_columns(frame, Writing(), frozenset({"zip"}))
    assert (list(result["zip"]), notes) == (["1,304", "2,304"], ())
