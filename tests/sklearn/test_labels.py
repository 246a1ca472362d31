from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixupe.sklearn.labels import classes_of, split_rows, weights_of


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array([3, -1, 3]), [-1, 3]),
        (np.array([True, False, True]), [False, True]),
        (np.array(["b", "a", "b"]), ["a", "b"]),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"]),
        (np.array([2, 1, 2], dtype=object), [1, 2]),
        (np.asarray(pd.Series([True, False, True], dtype="boolean")), [False, True]),
        (np.asarray(pd.Categorical(["b", "a", "b"])), ["a", "b"]),
        (np.array([1.0, 0.0, 1.0]), [0.0, 1.0]),
        (np.array(["b", 1, "b"], dtype=object), [1, "b"]),
    ],
)
def test_labels_of_any_type_are_classes_in_order(y: Any, classes: list[Any]) -> None:
    found, codes = classes_of(y)
    assert found.tolist() == classes
    assert found[codes].tolist() == y.tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array(["a", None, "b"], dtype=object), r"y: has no label in 1 row\(s\), the first is row 1"),
        (np.array([0.5, 1.25, 2.1]), "Unknown label type: continuous"),
        (np.array(["a", "a"]), "y: holds one class only, 'a'"),
    ],
)
def test_what_are_no_classes_is_refused(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classes_of(y)


def test_class_weights() -> None:
    y = np.array(["a", "b", "b", "b"])
    classes, codes = classes_of(y)
    assert weights_of(None, classes, codes) is None
    balanced = weights_of("balanced", classes, codes)
    assert balanced is not None
    assert balanced.tolist() == pytest.approx([2, 2 / 3])
    given = weights_of({"a": 5}, classes, codes)
    assert given is not None
    assert given.tolist() == [5, 1]
    with pytest.raises(ValueError, match="class_weight: must be None, 'balanced' or a dict of classes, got 'even'"):
        weights_of("even", classes, codes)
    with pytest.raises(ValueError, match="class_weight: must be finite numbers >= 0"):
        weights_of({"a": -1}, classes, codes)
    with pytest.raises(ValueError, match=r"class_weight: must be finite numbers >= 0, got {'a': 'much'}"):
        weights_of({"a": "much"}, classes, codes)  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"class_weight: there is no class 'c', classes are \['a', 'b'\]"):
        weights_of({"c": 1}, classes, codes)
    with pytest.raises(ValueError, match="class_weight: must be None, 'balanced' or a dict of classes, got a"):
        weights_of(pd.Series({"a": 1.0}), classes, codes)  # type: ignore[arg-type]
    beside = weights_of({"a": 1, "b": 2, "rare": 3}, classes, codes)
    assert beside is not None
    assert beside.tolist() == [1, 2]


def test_class_weights_of_labels_of_several_types() -> None:
    classes, codes = classes_of(np.array(["a", 1, "a"], dtype=object))
    weights = weights_of({"a": 5, 1: 2}, classes, codes)
    assert weights is not None
    assert weights.tolist() == [2, 5]


def test_every_class_keeps_a_row_to_train_on() -> None:
    codes = np.repeat([0, 1, 2], [50, 10, 1])
    train, validation = split_rows(codes, 0.2, np.random.default_rng(0))
    assert np.bincount(codes[validation], minlength=3).tolist() == [10, 2, 0]
    assert sorted([*train, *validation]) == list(range(61))
    train, validation = split_rows(codes, None, np.random.default_rng(0))
    assert (len(train), len(validation)) == (61, 0)
