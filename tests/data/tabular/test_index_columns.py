"""Columns that tell which row it is."""

import numpy as np
import pandas as pd
import pytest

from mixupe.data.tabular.index_columns import id_warnings, without_row_numbers, without_unnamed

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_a_column_without_a_name_is_left_out(name: str) -> None:
    frame = pd.DataFrame({name: [5, 3, 9], "x": [1, 1, 2]})
    kept, notes = without_unnamed(frame, NOTHING)
    assert list(kept) == ["x"]
    assert notes == ("1 column(s) without a name left out: number 1",)
    assert list(without_unnamed(frame, frozenset({name}))[0]) == [name, "x"], "the user names it"


def test_several_columns_without_a_name_are_left_out() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]] * 3, columns=["", "x", "nan", ""])
    kept, notes = without_unnamed(frame, NOTHING)
    assert list(kept) == ["x", "nan"]
    assert notes == ("2 column(s) without a name left out: number 1, 4",)


@pytest.mark.parametrize("numbers", [[0, 1, 2, 3], [7, 8, 9, 10], [4, 3, 2, 1], [1.0, 2.0, 3.0, 4.0]])
def test_columns_that_count_are_left_out(numbers: list[float]) -> None:
    frame = pd.DataFrame({"id": numbers, "x": [1, 1, 2, 2]})
    kept, notes = without_row_numbers(frame, NOTHING)
    assert list(kept) == ["x"]
    assert notes == ("1 column(s) that number the rows left out: id",)
    assert list(without_row_numbers(frame, frozenset({"id"}))[0]) == ["id", "x"], "the user names it"


@pytest.mark.parametrize("numbers", [[0.5, 1.5, 2.5], [1, 2, 4], [1, 2, np.nan], [False, True, False], list("abc")])
def test_other_columns_stay(numbers: list[object]) -> None:
    frame = pd.DataFrame({"x": numbers})
    assert list(without_row_numbers(frame, NOTHING)[0]) == ["x"]


@pytest.mark.parametrize(
    "numbers", [[30, 10, 20], [1, 5, 9], [9, 5, 2], [12.0, 11.0, 15.0], [2**60 + 3, 2**60, 2**60 + 1]]
)
def test_ids_are_warned_of(numbers: list[float]) -> None:
    (warning,) = id_warnings(pd.DataFrame({"my id": numbers, "x": [0.5, 1.5, 2.0], "y": list("abc")}))
    assert warning.startswith("WARNING: 1 column(s) with another whole number in every row, as ids have: my id;")
    assert warning.endswith("\"dataset.drop=['my id']\"")


@pytest.mark.parametrize("numbers", [[1.0, 1.0, 2.0], [1.5, 2.0, 3.0], [1.0, np.nan, 3.0]])
def test_measurements_are_not_warned_of(numbers: list[float]) -> None:
    assert id_warnings(pd.DataFrame({"x": numbers})) == ()
