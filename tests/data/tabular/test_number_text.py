"""Numbers as people write them."""

import numpy as np
import pandas as pd
import pytest

from mixupe.data.tabular.number_text import parse_numbers


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("12", ".", 12),
        ("-.5", ".", -0.5),
        ("5.", ".", 5),
        ("1e3", ".", 1000),
        ("+7", ".", 7),
        ("−3", ".", -3),  # noqa: RUF001
        ("1,304", ".", 1304),
        ("-1,234,567.5", ".", -1234567.5),
        ("1.304,5", ",", 1304.5),
        ("1,5", ",", 1.5),
        ("12 %", ".", 0.12),
        ("-$5.20", ".", -5.2),
        ("$-5.20", ".", -5.2),
        ("€ -1,000", ".", -1000),
        ("€ 1,000", ".", 1000),
        ("3\u00a0€", ".", 3),
    ],
)
def test_a_number(text: str, decimal: str, number: float) -> None:
    numbers, _ = parse_numbers(pd.Series([text]), decimal, None)
    np.testing.assert_allclose(numbers, [number])


@pytest.mark.parametrize(
    "text", ["1,5", "0,123", "1,2,3", "12,34", "1 304", "<11", "$", "%", "", "-", "inf", "1_000", "5-5", "-$-5", "٣"]
)
def test_no_number(text: str) -> None:
    assert parse_numbers(pd.Series([text]), ".", None)[0].isna().all()


def test_a_declared_mark_between_thousands() -> None:
    numbers, _ = parse_numbers(pd.Series(["1 304", "1\u202f304", "1,304"]), ".", " ")
    np.testing.assert_array_equal(numbers, [1304, 1304, np.nan])


def test_each_cell_stays_in_its_row_and_units_are_told() -> None:
    text = pd.Series(["5%", np.nan, "red", "5%", "7 €"], index=[9, 8, 7, 6, 5])
    numbers, units = parse_numbers(text, ".", None)
    np.testing.assert_array_equal(numbers, [0.05, np.nan, np.nan, 0.05, 7])
    assert list(numbers.index) == [9, 8, 7, 6, 5]
    assert units == {"%", "€"}
