"""Tables become tensors: kinds of columns, missing values, statistics from the training part only."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.tabular.columns import clean, informative
from mixupe.data.tabular.frame import MAX_CATEGORIES, duplicate_groups, table_bundle
from mixupe.data.tabular.settings import Imputation
from mixupe.errors import UserError

ROWS = 60
LABELS = pd.Series(["no", "yes"] * (ROWS // 2))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits are stored below the root, which is the working folder here."""
    monkeypatch.chdir(tmp_path)


def bundle(
    features: dict[str, Any],
    labels: pd.Series = LABELS,
    categorical: frozenset[str] = frozenset(),
    test: npt.NDArray[np.int64] | None = None,
    imputation: Imputation = "indicator",
) -> DataBundle:
    settings = DatasetSettings(name="toy", domain="tabular", loader="tabular.keel")
    frame = clean(pd.DataFrame(features), "toy", categorical=categorical)
    return table_bundle(frame, labels, settings, DataRequest(Path(), 0, "heldout"), test=test, imputation=imputation)


def numbers(seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(5, 3, ROWS)


def everything(data: DataBundle) -> torch.Tensor:
    parts = (data.train, data.validation, data.test)
    return torch.cat([part.inputs for part in parts])  # type: ignore[attr-defined]


def test_numeric_columns_are_standardised_by_the_training_part() -> None:
    data = bundle({"x": numbers(), "y": numbers(1) * 100})
    train = everything(data)[: len(data.train.labels)]
    torch.testing.assert_close(train.mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(train.std(0, unbiased=False), torch.ones(2))
    assert everything(data).mean(0).abs().max() > 1e-3
    assert (data.spec.input_shape, data.spec.class_names) == ((2,), ("no", "yes"))


def test_statistics_do_not_see_the_test_part() -> None:
    x = numbers()
    before = bundle({"x": x})
    test_row = int(np.flatnonzero(np.isin(x, before_values(before, x)))[0])
    x[test_row] += 1000
    after = bundle({"x": x})
    assert torch.equal(before.train.inputs, after.train.inputs)  # type: ignore[attr-defined]


def before_values(data: DataBundle, x: npt.NDArray[np.float64]) -> list[float]:
    """Raw values of the test rows: the rank of a standardised value is that of the raw one."""
    order = everything(data).ravel().argsort().argsort().tolist()
    return [float(np.sort(x)[rank]) for rank in order[-len(data.test.labels) :]]


def test_categories_come_after_numbers_as_one_hot_blocks() -> None:
    data = bundle({"color": ["red", "green", "blue"] * 20, "x": numbers(), "b": ["u", "v"] * 30})
    assert data.spec.input_shape == (6,)
    assert data.spec.categorical_blocks == ((1, 4), (4, 6))
    one_hot = everything(data)
    for start, stop in data.spec.categorical_blocks:
        assert torch.equal(one_hot[:, start:stop].sum(1), torch.ones(ROWS))


def test_missing_numbers_are_imputed_by_the_training_mean_with_an_indicator() -> None:
    x = numbers()
    x[::3] = np.nan
    data = bundle({"x": x, "y": numbers(1)})
    assert data.spec.input_shape == (3,)
    values = everything(data)
    missing = values[:, 2] > 0
    assert int(missing.sum()) == 20
    torch.testing.assert_close(values[missing, 0], torch.zeros(20))
    assert data.notes == ("20 missing value(s) in 1 numeric column(s): the training mean and an indicator",)


def test_a_missing_category_is_a_category() -> None:
    data = bundle({"c": ["a", "b", None] * 20, "x": numbers()})
    assert data.spec.categorical_blocks == ((1, 4),)
    assert data.notes == ("20 missing value(s) in 1 categorical column(s): a category of its own",)


def test_a_category_unseen_in_training_is_all_zeros() -> None:
    data = bundle({"x": numbers(), "c": ["only here"] + ["a", "b", "c"] * 19 + ["a", "b"]}, test=np.arange(12))
    test_part = data.test.inputs  # type: ignore[attr-defined]
    assert data.spec.categorical_blocks == ((1, 4),)
    assert torch.equal(test_part[:, 1:].sum(1), torch.tensor([0.0] + [1.0] * 11))


def test_many_categories_are_merged() -> None:
    rows = 400
    column = [f"common {row % 10}" for row in range(200)] + [f"rare {row % 100}" for row in range(200)]
    data = bundle({"c": column, "x": np.arange(rows) % 7}, labels=pd.Series(["no", "yes"] * 200))
    (block,) = data.spec.categorical_blocks
    assert block == (1, 1 + MAX_CATEGORIES)
    assert torch.equal(everything(data)[:, 1:].sum(1), torch.ones(rows))
    assert "rarest are one" in data.notes[-1]


def test_numbers_can_be_declared_categories() -> None:
    data = bundle({"code": [1, 2, 30] * 20, "x": numbers()}, categorical=frozenset({"code"}))
    assert data.spec.categorical_blocks == ((1, 4),)


def test_booleans_are_numbers() -> None:
    nullable = pd.array([True, False, None] * 20, dtype="boolean")
    frame = clean(pd.DataFrame({"a": [True, False] * 30, "b": nullable}), "toy")
    assert frame.dtypes.tolist() == [np.float64, np.float64]
    assert frame["b"].isna().sum() == 20
    held = [[True, False, True], [True, False, None], pd.array([True, False, True], dtype="boolean")]
    for values in held:  # a missing one makes objects of them
        column = pd.DataFrame({"a": values})
        assert clean(column, "toy")["a"].tolist()[:2] == [1, 0]
        assert clean(column, "toy", categorical=frozenset({"a"}))["a"].tolist()[:2] == ["True", "False"]


@pytest.mark.parametrize("marker", ["?", " ? ", "<null>", "", "  ", None])
def test_missing_markers(marker: str | None) -> None:
    frame = clean(pd.DataFrame({"number": ["1", marker, "2.5"], "text": ["a", marker, " b "]}), "toy")
    assert frame["number"].dtype == np.float64
    assert frame["number"].fillna(-1).tolist() == [1, -1, 2.5]
    assert frame["text"].fillna("missing").tolist() == ["a", "missing", "b"]


def test_nominal_numbers_stay_categories() -> None:
    frame = clean(pd.DataFrame({"c": pd.Categorical([1, 2, None])}), "toy")
    assert frame["c"].fillna("missing").tolist() == ["1", "2", "missing"]


def test_nullable_integers_are_numbers() -> None:
    frame = clean(pd.DataFrame({"c": pd.array([1, None, 3], dtype="Int64")}), "toy")
    assert frame["c"].dtype == np.float64
    assert frame["c"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1.0, np.inf, -np.inf], r"'c' of toy holds 2 infinite number"),
        (pd.to_datetime(["2020-01-01"] * 3), r"'c' of toy holds datetime64.* numbers or text are allowed"),
        ([1j, 2j, 3j], r"'c' of toy holds complex"),
    ],
)
def test_what_a_table_cannot_hold_is_told(column: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        clean(pd.DataFrame({"c": column}), "toy")


def test_columns_that_tell_nothing_are_left_out_and_noted() -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 2], "same": [7.0] * 3, "name": list("abc"), "half": ["a", "b", "b"]})
    kept, notes = informative(frame.astype({"name": "object", "half": "object"}), "toy")
    assert list(kept.columns) == ["x", "half"]
    assert notes == (
        "1 column(s) with the same value in every row left out: same",
        "1 column(s) with another text in every row left out: name",
    )


def test_a_column_of_missing_and_one_value_is_kept() -> None:
    kept, _ = informative(pd.DataFrame({"x": [1.0, np.nan, 1.0]}), "toy")
    assert list(kept.columns) == ["x"]


def test_a_column_without_any_value_is_told() -> None:
    with pytest.raises(UserError, match="column 'x' of toy has no value in any row"):
        bundle({"x": [np.nan] * ROWS, "y": numbers()})


def test_a_table_without_information_is_told() -> None:
    with pytest.raises(UserError, match="toy has no column to learn from"):
        bundle({"x": [1.0] * ROWS})


def test_equal_rows_are_one_group() -> None:
    frame = pd.DataFrame({"x": [1.0, 1.0, np.nan, np.nan, 1.0], "c": ["a", "a", "b", "b", np.nan]})
    groups = duplicate_groups(frame)
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert len(set(groups)) == 3


def test_equal_rows_stay_on_one_side() -> None:
    x = np.repeat(numbers(), 2)
    data = bundle({"x": x}, labels=pd.Series(["no", "no", "yes", "yes"] * (ROWS // 2)))
    values = [set(part.inputs.ravel().tolist()) for part in (data.train, data.validation, data.test)]  # type: ignore[attr-defined]
    assert sum(len(side) for side in values) == len(set().union(*values)) == ROWS
    assert f"{ROWS} row(s) repeat an earlier one" in data.notes[0]


def test_wide_tables_are_loaded() -> None:
    wide = np.random.default_rng(0).normal(size=(ROWS, 2000))
    data = bundle({f"x{column}": wide[:, column] for column in range(2000)})
    assert data.spec.input_shape == (2000,)


def test_missing_values_as_mean_and_mode() -> None:
    """Nothing marks them: a number becomes 0 (the standardised mean), a category the commonest of training."""
    x, color = numbers(), np.array(["red", "red", "blue"] * 20, dtype=object)
    x[[3, 20, 41]], color[[5, 30]] = np.nan, np.nan
    data = bundle({"x": x, "color": color}, imputation="mean_mode")
    assert (data.spec.input_shape, data.spec.categorical_blocks) == ((3,), ((1, 3),))
    rows = everything(data)
    assert (rows[:, 0].abs() < 1e-6).sum() == 3
    assert rows[:, 1:].sum(dim=0).tolist() == [20 - 1, 40 + 1]  # blue, red
    assert data.notes[-2:] == (
        "3 missing value(s) in 1 numeric column(s): the training mean",
        "2 missing value(s) in 1 categorical column(s): the commonest training category",
    )


def test_equal_rows_are_numbered_in_the_order_of_their_codes() -> None:
    """The numbers decide the split, so they must stay what they were."""
    frame = pd.DataFrame({"a": [2.0, 1.0, 2.0, np.nan, 1.0] * 60, "b": ["x", "y", "x", "x", "z"] * 60})
    frame["c"] = np.arange(300) // 150 * 300.0
    codes = np.column_stack([pd.factorize(frame[column], use_na_sentinel=False)[0] for column in frame])
    assert duplicate_groups(frame).tolist() == np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1).tolist()
