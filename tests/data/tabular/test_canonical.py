"""One form for all copies of a table."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixupe.data.tabular.canonical import CanonicalTable, canonical_table

VALUES = [0.1, 2.0, -3.25, 1e-9, 123456.75, np.nan, 0.0, 7.0]
FLAGS = [1, 0, 1, 1, 0, 1, 0, 0]
NAMES = ["a", "b", "a", "c", "b", "c", "a", "b"]
LABELS = [1, 2, 10, 1, 2, 10, 1, 2]


def table(order: Any = None, *, digits: int = 12, **changed: Any) -> CanonicalTable:
    columns = {"value": VALUES, "flag": FLAGS, "name": NAMES, "label": LABELS, **changed}
    frame = pd.DataFrame(columns).iloc[np.arange(8) if order is None else order]
    features = frame.drop(columns="label")
    return canonical_table(features, frame["label"], "toy", categorical=frozenset({"1"}), digits=digits)


@pytest.mark.parametrize(
    "changed",
    [
        {"value": pd.Series(VALUES) * (1 + 1e-15)},
        {"value": [str(value) if value == value else " ? " for value in VALUES]},
        {"value": [*VALUES[:6], -0.0, 7]},
        {"flag": pd.Series(FLAGS).astype(str).astype("category")},
        {"flag": pd.Series(FLAGS).astype(float)},
        {"name": [f" {name}" for name in NAMES]},
        {"name": pd.Series(NAMES, dtype="category")},
        {"label": pd.Series(LABELS).astype(str).astype("category")},
        {"label": [f"{label - 1}" for label in LABELS]},
    ],
)
def test_however_it_is_written_it_is_the_same(changed: dict[str, Any]) -> None:
    expected, found = table(), table(np.random.default_rng(0).permutation(8), **changed)
    assert found.digest == expected.digest
    features = [column for column in expected.frame if column != "class"]
    pd.testing.assert_frame_equal(found.frame[features], expected.frame[features])
    ranks = [pd.factorize(written.frame["class"], sort=True)[0].tolist() for written in (expected, found)]
    assert ranks[0] == ranks[1]


@pytest.mark.parametrize(
    "changed",
    [
        {"value": [*VALUES[:7], 7.00001]},
        {"value": [*VALUES[:6], np.nan, 7.0]},
        {"flag": [*FLAGS[:7], 1]},
        {"name": [*NAMES[:7], "c"]},
        {"label": [*LABELS[:7], 10]},
        {"label": [-label for label in LABELS]},
        {"flag": NAMES, "name": FLAGS},
    ],
)
def test_other_content_has_another_digest(changed: dict[str, Any]) -> None:
    assert table(**changed).digest != table().digest


def test_numbers_count_to_the_digits_of_the_shortest_copy() -> None:
    long, short = [133.150133, 17572.4, 0.06588188], [133.15, 17572, 0.065882]
    tables = [table(value=[*values, *VALUES[3:]], digits=5) for values in (long, short)]
    assert tables[0].digest == tables[1].digest
    assert set(tables[0].frame["0"]) >= set(short)
    assert table(value=[*long, *VALUES[3:]]).digest != table(value=[*short, *VALUES[3:]]).digest


def test_numbers_as_labels_are_sorted_as_numbers() -> None:
    frame = table(label=pd.Series(LABELS).astype(str).astype("category")).frame
    assert sorted(frame["class"].unique()) == [1, 2, 10]
