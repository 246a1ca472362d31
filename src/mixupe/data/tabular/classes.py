"""The target column of a table from outside: what makes it classes, and which of them are too rare to split."""

import numpy as np
import pandas as pd

from mixupe.data.tabular.frame import duplicate_groups
from mixupe.settings import UserError

# More distinct decimal numbers than this are measurements, not classes.
MAX_DECIMAL_CLASSES = 20
# Train, validation and test each need one.
FEWEST_EXAMPLES = 3


def class_target(target: pd.Series, name: str, first_row: int = 1) -> pd.Series:
    """The labels as whole numbers or text.

    Args:
        target: N cleaned labels, float64 or text.
        name: of the set, for error messages.
        first_row: what the set's owner calls its first row.

    Raises:
        UserError: a label is missing, there is one class only, or the labels are measurements.
    """
    where = f"dataset.target: column {str(target.name)!r} of {name}"
    missing = np.flatnonzero(target.isna())
    if len(missing):
        raise UserError(f"{where} has no value in {len(missing)} row(s), the first is row {missing[0] + first_row}")
    distinct = target.nunique()
    if distinct < 2:
        raise UserError(f"{where} holds one class only, {str(target.iloc[0])!r}; at least 2 are needed")
    if target.dtype == object:
        return target
    if (target % 1 == 0).all():
        return target.astype("int64")
    if distinct > MAX_DECIMAL_CLASSES:
        raise UserError(
            f"{where} holds {distinct} distinct decimal numbers: that is regression, only classification is supported"
        )
    return target


def without_rare_classes(
    features: pd.DataFrame, target: pd.Series, name: str, fewest: int, drop: bool
) -> tuple[pd.DataFrame, pd.Series, tuple[str, ...]]:
    """Rows of classes with enough distinct examples, and a note on those left out.

    Args:
        features: N cleaned rows.
        target: N labels.
        name: of the set, for error messages.
        fewest: distinct examples a class needs.
        drop: leave rare classes out instead of refusing them.

    Raises:
        UserError: a class is rare and `drop` is off, or fewer than 2 classes are left.
    """
    _, first = np.unique(duplicate_groups(features), return_index=True)
    counts = target.iloc[first].value_counts().reindex(target.unique(), fill_value=0)
    rare = counts[counts < fewest].sort_index()
    if rare.empty:
        return features, target, ()
    labels = ", ".join(repr(str(label)) for label in rare.index)
    what = f"class(es) {labels} of {name} have fewer than {fewest} distinct examples"
    if not drop:
        raise UserError(f"dataset: {what}; leave them out with dataset.rare_classes=drop")
    keep = ~target.isin(rare.index)
    if target[keep].nunique() < 2:
        raise UserError(f"dataset: {what}; fewer than 2 classes are left")
    note = f"{what}: their {int((~keep).sum())} row(s) are left out"
    return features[keep].reset_index(drop=True), target[keep].reset_index(drop=True), (note,)
