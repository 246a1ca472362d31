"""Tables nobody has looked at before: the user's own files and OpenML."""

import pandas as pd

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.tabular.classes import FEWEST_EXAMPLES, class_target, without_rare_classes
from mixupe.data.tabular.columns import clean, informative
from mixupe.data.tabular.frame import table_bundle
from mixupe.data.tabular.index_columns import id_warnings
from mixupe.data.tabular.settings import OutsideTableSettings
from mixupe.errors import UserError, perhaps


def outside_bundle(
    frame: pd.DataFrame,
    target: str,
    config: OutsideTableSettings,
    request: DataRequest,
    *,
    name: str,
    first_row: int = 1,
    missing: tuple[str, ...] | None = None,
    notes: tuple[str, ...] = (),
) -> DataBundle:
    """Check, clean, split and encode a table.

    Args:
        frame: N rows with the target among its columns.
        target: name of the target column.
        name: of the set or its file, for error messages.
        first_row: what the set's owner calls its first row.
        missing: texts that mean that there is no value; None are the usual ones.
        notes: how the table was read; part of an error message, too, as it may be why.

    Raises:
        UserError: a named column is not there, or what `table_bundle` and `class_target` refuse.
    """
    frame = frame.rename(columns=str)
    for key, column in [
        ("target", target),
        *(("drop", column) for column in config.drop),
        *(("categorical", column) for column in config.categorical),
    ]:
        require_column(frame, column, key, name)
    if target in config.drop:
        raise UserError(f"dataset.drop: {target!r} is the target of {name}; it is never a feature")
    if frame.empty:
        raise UserError(f"dataset: {name} has no rows")
    labels, said = class_target(frame[target], name, first_row, missing)
    features = frame.drop(columns=[target, *config.drop])
    if features.shape[1] == 0:
        raise UserError(f"dataset: {name} has no column besides the target")
    warned = id_warnings(features.drop(columns=[*config.categorical], errors="ignore"))
    features = clean(features, name, categorical=frozenset(config.categorical), missing=missing)
    try:
        features, left_out = informative(features, name)
        fewest = max(FEWEST_EXAMPLES, config.folds or 0)
        features, labels, rare = without_rare_classes(features, labels, name, fewest, config.rare_classes == "drop")
    except UserError as error:
        raise UserError("; ".join([str(error), *notes])) from error
    notes = (*notes, *said, *left_out, *warned, *rare)
    return table_bundle(features, labels, config, request, imputation=config.imputation, notes=notes)


def require_column(frame: pd.DataFrame, column: str, key: str, name: str) -> None:
    """Raises UserError where the N rows have no such column; `key` of the config names it."""
    if column in frame.columns:
        return
    columns = [str(known) for known in frame.columns]
    shown = ", ".join(columns[:20]) + (f", ... ({len(columns)} in all)" if len(columns) > 20 else "")
    meant = perhaps(column, columns, before=", ")
    raise UserError(f"dataset.{key}: {name} has no column {column!r}{meant}; allowed are {shown}")
