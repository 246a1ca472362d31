"""New rows for a trained model: its columns, with its training means, categories and scales."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from mixupe.data.base import DatasetSettings, DataSpec, Preparation
from mixupe.data.new_files import NewExamples
from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.encoding import column_names, encode
from mixupe.data.tabular.missing_marks import MARKS_AMONG_NUMBERS
from mixupe.data.tabular.table_file import read_table
from mixupe.data.tabular.text_columns import Writing, read_text_columns, without_declared_missing
from mixupe.data.tensors import TensorSplit
from mixupe.errors import UserError


def read(source: Any, settings: DatasetSettings, spec: DataSpec, preparation: Preparation) -> NewExamples:  # noqa: ARG001 - all readers take the same
    """As `mixupe.data.new_files.read_new`: a CSV or Parquet file, or a data frame.

    Columns are found by name; others, such as the target, are left out. A category that training did not have is none of
    those it had. Numbers are written as in the file that the model was trained on.

    Raises:
        UserError: a column is not there, or a number is none.
    """
    missing = getattr(settings, "missing", None)
    name = "the data frame" if isinstance(source, pd.DataFrame) else str(source)
    writing = Writing(getattr(settings, "decimal", "."), getattr(settings, "thousands", None), missing, first_row=1)
    frame = source if isinstance(source, pd.DataFrame) else _from_file(Path(source), settings, preparation)
    frame = frame.rename(columns=str)
    wanted = column_names(preparation)
    absent = [column for column in wanted if column not in frame.columns]
    if absent:
        raise UserError(f"file: {name} has no column {absent[0]!r}; the model needs {', '.join(wanted)}")
    repeated = next((column for column in wanted if list(frame.columns).count(column) > 1), None)
    if repeated is not None:
        raise UserError(f"file: {name} has more than one column {repeated!r}, which the model needs once")
    left_out = [column for column in frame.columns if column not in set(wanted)]
    if frame.empty:
        raise UserError(f"file: {name} has no rows")
    features = _features(frame[wanted].reset_index(drop=True), preparation, writing, name)
    split = TensorSplit(torch.from_numpy(encode(features, preparation)), torch.zeros(len(frame), dtype=torch.int64))
    notes = (f"{len(left_out)} column(s) that the model does not use: {', '.join(left_out)}",) if left_out else ()
    names = tuple(str(row) for row in range(1, len(frame) + 1))
    return NewExamples("row", names, split, notes + _unseen(features, preparation))


def _from_file(path: Path, settings: DatasetSettings, preparation: Preparation) -> pd.DataFrame:
    marks = {"separator": ",", "decimal": ".", "encoding": "utf-8"}
    keys = {key: getattr(settings, key, usual) for key, usual in marks.items()}
    # As numbers, some of their categories would be one.
    texts = [column["name"] for column in preparation["categorical"] if _as_numbers(column).duplicated().any()]
    return read_table(path, "file", **keys, texts=texts)


def _features(frame: pd.DataFrame, preparation: Preparation, writing: Writing, name: str) -> pd.DataFrame:
    categories = frozenset(column["name"] for column in preparation["categorical"])
    frame, _ = read_text_columns(without_declared_missing(frame, writing.missing), writing, keep=categories)
    features = clean(frame, name, categorical=categories, missing=writing.missing)
    # Of a column without a number in these rows, too.
    marks = MARKS_AMONG_NUMBERS if writing.missing is None else ()
    for column in preparation["numeric"]["names"]:
        if features[column].dtype == object:
            numbers = pd.to_numeric(features[column], errors="coerce").astype("float64")
            is_none = features[column].isna() | features[column].isin(marks)
            wrong = np.flatnonzero((numbers.isna() & ~is_none).to_numpy())
            if len(wrong):
                value = features[column].iloc[wrong[0]]
                raise UserError(f"file: column {column!r} of {name} holds numbers; row {wrong[0] + 1} has {value!r}")
            features[column] = numbers
    for column in preparation["categorical"]:
        features[column["name"]] = _written_as_trained(features[column["name"]], column)
    return features


def _written_as_trained(values: pd.Series, column: dict[str, Any]) -> pd.Series:
    """Categories that are the same number as one of training, in its writing; the others as they are.

    Whether `01234` is a text or a number hangs on the other cells of its column, which new rows need not have.
    """
    numbers = _as_numbers(column)
    single = numbers[~numbers.duplicated(keep=False)]
    written = pd.to_numeric(values, errors="coerce").map(dict(zip(single, single.index, strict=True)))
    return values.where(values.isin({*column["values"], *column["rare"]}) | written.isna(), written)


def _as_numbers(column: dict[str, Any]) -> pd.Series:
    """The training categories that are numbers, by their writing."""
    known = [value for value in (*column["values"], *column["rare"]) if value is not None]
    return pd.to_numeric(pd.Series(known, index=known, dtype="object"), errors="coerce").dropna()


def _unseen(features: pd.DataFrame, preparation: Preparation) -> tuple[str, ...]:
    notes = []
    for column in preparation["categorical"]:
        known = {*column["values"], *column["rare"]}
        unseen = sorted(set(features[column["name"]].dropna()) - known)
        if unseen:
            notes.append(
                f"column {column['name']!r} has categories that training did not have: {', '.join(unseen[:5])}"
            )
    return tuple(notes)
