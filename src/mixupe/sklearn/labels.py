"""Labels of any type as classes and their numbers, and which rows are held out for validation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor

Indices = npt.NDArray[np.intp]


def classes_of(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Indices]:
    """The K classes in order, and the class number of each of (N,) labels.

    Objects of several types, or of one that has no order, are classes too: those of a type stand together.

    Raises:
        ValueError: a label is missing, labels are measurements, or there is one class only.
    """
    missing = np.flatnonzero(pd.isna(y)) if y.dtype == object else np.empty(0, dtype=np.intp)
    if len(missing):
        raise ValueError(f"y: has no label in {len(missing)} row(s), the first is row {missing[0]} (counted from 0)")
    if y.dtype == object:
        y = pd.Series(y).infer_objects().to_numpy()  # whole numbers and booleans as such
    if y.dtype != object or all(isinstance(label, str) for label in y):
        check_classification_targets(y)
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        found, classes = pd.factorize(y)
        order = sorted(range(len(classes)), key=lambda place: (type(classes[place]).__name__, str(classes[place])))
        classes, codes = classes[order], np.argsort(order)[found]
    if len(classes) < 2:
        raise ValueError(f"y: holds one class only, {classes.tolist()[0]!r}; at least 2 classes are needed")
    return classes, codes


def weights_of(
    class_weight: Mapping[Any, float] | str | None, classes: npt.NDArray[Any], codes: Indices
) -> Tensor | None:
    """(K,) float32; None weighs all alike.

    Raises:
        ValueError: it is none of those, names a class that there is not, or a weight is below 0.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, Mapping):
        weights = _weights_by_label(class_weight, classes)
    elif isinstance(class_weight, str) and class_weight == "balanced":
        weights = compute_class_weight("balanced", classes=np.arange(len(classes)), y=codes)
    else:
        raise ValueError(f"class_weight: must be None, 'balanced' or a dict of classes, got {class_weight!r}")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(f"class_weight: must be finite numbers >= 0, not all 0, got {class_weight!r}")
    return torch.tensor(weights, dtype=torch.float32)


def _weights_by_label(given: Mapping[Any, float], classes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """As scikit-learn's compute_class_weight, which cannot sort labels of several types: 1 for a class that is not named.

    One that there is not may be named beside all that there are, as a fold need not have a rare class.
    """
    labels = list(classes)
    unknown = given.keys() - set(labels)
    if unknown and not given.keys() >= set(labels):
        raise ValueError(f"class_weight: there is no class {min(unknown, key=repr)!r}, classes are {classes.tolist()}")
    try:
        return np.array([given.get(label, 1.0) for label in labels], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"class_weight: must be finite numbers >= 0, got {given!r}") from error


def split_rows(codes: Indices, fraction: float | None, random: np.random.Generator) -> tuple[Indices, Indices]:
    """Rows (n,) to train on and rows to validate on, which may be none, of N rows with class indices `codes`, (N,).

    Of each class that share is held out, rounded, but never its last row: so rare classes are trained on.
    """
    held_out = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes):
        rows = random.permutation(np.flatnonzero(codes == code))
        held_out[rows[: min(round((fraction or 0) * len(rows)), len(rows) - 1)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
