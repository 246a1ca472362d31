"""Runs as a data frame."""

import pandas as pd

from mixupe.runs.export import _one_type


def test_a_run_without_a_key_has_no_value_beside_lists() -> None:
    column = _one_type(pd.Series([["input", "layer1"], float("nan"), "input", None]))
    assert column.tolist()[::2] == ['["input", "layer1"]', "input"]
    assert column.isna().tolist() == [False, True, False, True]
