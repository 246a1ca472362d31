"""Labels: what counts as one, and what is said of those that look like none or like each other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixupe.data.tabular.classes import class_target
from mixupe.data.tabular.columns import clean
from mixupe.errors import UserError


def labels(values: Any, missing: tuple[str, ...] | None = None) -> tuple[list[object], tuple[str, ...]]:
    target, notes = class_target(pd.Series(values, name="y"), "toy", 2, missing)
    return list(target), notes


@pytest.mark.parametrize("label", ["None", "NA", "n/a", "null", "NULL", "-"])
def test_a_label_that_looks_like_none_stays_a_class_among_texts(label: str) -> None:
    values = [label, "Some", "Full", label]
    assert labels(values) == (values, (f"{label!r} in 2 row(s) of the target is a class, not a missing label",))
    with pytest.raises(UserError, match=r"has no value in 2 row\(s\), the first is row 2 \("):
        labels(values, missing=(label,))


@pytest.mark.parametrize("label", ["None", "NA", "-"])
def test_among_numbers_it_is_a_missing_label_unless_declared_otherwise(label: str) -> None:
    values = ["0", "1", label, "1"]
    hint = rf"the first is row 4 \('{label}' is read as missing; dataset.missing=\[\] keeps it as a class\)"
    with pytest.raises(UserError, match=hint):
        labels(values)
    assert labels(values, missing=())[0] == values


@pytest.mark.parametrize("label", ["", " ", "?", np.nan, None])
def test_a_missing_label(label: Any) -> None:
    with pytest.raises(UserError, match=r"column 'y' of toy has no value in 1 row\(s\), the first is row 3"):
        labels(["a", label, "b"])


def test_truth_values_keep_their_names() -> None:
    assert labels([True, False, True])[0] == ["True", "False", "True"]
    assert labels(pd.array([True, False], dtype="boolean"))[0] == ["True", "False"]
    assert labels(np.array([True, False], dtype=object))[0] == ["True", "False"]


def test_classes_that_differ_in_case_are_told() -> None:
    assert labels(["Yes", "yes", "no"]) == (
        ["Yes", "yes", "no"],
        ("the classes 'Yes' and 'yes' differ in case alone; they are kept apart",),
    )


def test_number_labels() -> None:
    assert labels([0.0, 1.0, 2.0]) == ([0, 1, 2], ())
    assert labels(["0.0", "1", "2.0"]) == ([0, 1, 2], ())
    assert labels([0.5, 1.5]) == ([0.5, 1.5], ())
    assert labels(pd.Categorical(["1", "1.0"]))[0] == ["1", "1.0"], "a nominal column stays one"


@pytest.mark.parametrize("values", [["a", "a"], [1.0, 1.0], [True, True]])
def test_one_class_is_refused(values: list[object]) -> None:
    with pytest.raises(UserError, match="holds one class only"):
        labels(values)


def test_long_numbers_stay_different_classes_and_categories() -> None:
    numbers = pd.Series([2**53, 2**53 + 1, 2**53 + 2], name="account")
    assert class_target(numbers, "toy")[0].tolist() == numbers.tolist()
    frame = clean(numbers.to_frame(), "toy", categorical=frozenset({"account"}))
    assert frame["account"].tolist() == [str(number) for number in numbers]
