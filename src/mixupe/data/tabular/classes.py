"""The target column of a table from outside: what makes it classes, and which of them are too rare to split."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.frame import duplicate_groups
from mixupe.data.tabular.missing_marks import MARKS_AMONG_NUMBERS, NEVER_A_LABEL
from mixupe.errors import UserError

# More distinct decimal numbers than this are measurements, not classes.
MAX_DECIMAL_CLASSES = 20
# Train, validation and test each need one.
FEWEST_EXAMPLES = 3
# A message names no more classes than these.
MOST_NAMED = 10


def class_target(
    target: pd.Series, name: str, first_row: int = 1, missing: Sequence[str] | None = None
) -> tuple[pd.Series, tuple[str, ...]]:
    """The labels as whole numbers or text, and notes.

    Args:
        target: N labels as they come. One stored as a nominal column stays one, so that 1 and 1.0 are two classes.
        name: of the set, for error messages.
        first_row: what the set's owner calls its first row.
        missing: texts that mean that there is no label; None are the usual ones, of which `None`, `NA` and the like are
            labels where the others are text.

    Raises:
        UserError: a label is missing, there is one class only, or the labels are measurements.
    """
    where = f"dataset.target: column {str(target.name)!r} of {name}"
    labels = _cleaned(target, name, missing)
    without = np.flatnonzero(labels.isna())
    if len(without):
        raise UserError(
            f"{where} has no value in {len(without)} row(s), the first is row {without[0] + first_row}"
            + _read_as_missing(target.iloc[without[0]])
        )
    distinct = labels.nunique()
    if distinct < 2:
        raise UserError(f"{where} holds one class only, {str(labels.iloc[0])!r}; at least 2 are needed")
    if labels.dtype == object:
        return labels, _label_notes(labels)
    if (labels % 1 == 0).all():
        return labels.astype("int64"), ()
    if distinct > MAX_DECIMAL_CLASSES:
        raise UserError(
            f"{where} holds {distinct} distinct decimal numbers: that is regression, only classification is supported"
        )
    return labels, ()


def _cleaned(target: pd.Series, name: str, missing: Sequence[str] | None) -> pd.Series:
    if pd.api.types.is_bool_dtype(target.dtype) or pd.api.types.infer_dtype(target, skipna=True) == "boolean":
        target = target.astype("object").map({True: "True", False: "False"})
    if target.dtype == np.int64:  # as they are: above 2^53, neighbours would be one class of float64
        return target
    frame = target.to_frame()
    if missing is not None:
        return clean(frame, name, missing=missing).iloc[:, 0]
    labels = clean(frame, name, missing=MARKS_AMONG_NUMBERS).iloc[:, 0]
    return clean(frame, name, missing=NEVER_A_LABEL).iloc[:, 0] if labels.dtype == object else labels


def _read_as_missing(label: object) -> str:
    if not isinstance(label, str) or not label.strip():
        return ""
    return f" ({label.strip()!r} is read as missing; dataset.missing=[] keeps it as a class)"


def _label_notes(labels: pd.Series) -> tuple[str, ...]:
    counts = labels.value_counts()
    marks = [str(label) for label in counts.index if label in MARKS_AMONG_NUMBERS]
    notes = [f"{label!r} in {counts[label]} row(s) of the target is a class, not a missing label" for label in marks]
    alike: dict[str, list[str]] = {}
    for label in sorted(map(str, counts.index)):
        alike.setdefault(label.casefold(), []).append(label)
    for group in alike.values():
        if len(group) > 1:
            notes.append(f"the classes {' and '.join(map(repr, group))} differ in case alone; they are kept apart")
    return tuple(notes)


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
    labels = ", ".join(repr(str(label)) for label in rare.index[:MOST_NAMED])
    labels += f", ... ({len(rare)} in all)" if len(rare) > MOST_NAMED else ""
    what = f"class(es) {labels} of {name} have fewer than {fewest} distinct examples"
    if not drop:
        raise UserError(f"dataset: {what}; leave them out with dataset.rare_classes=drop")
    keep = ~target.isin(rare.index)
    if target[keep].nunique() < 2:
        raise UserError(f"dataset: {what}; fewer than 2 classes are left")
    note = f"{what}: their {int((~keep).sum())} row(s) are left out"
    return features[keep].reset_index(drop=True), target[keep].reset_index(drop=True), (note,)
