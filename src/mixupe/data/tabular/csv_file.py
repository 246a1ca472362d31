"""A user's own table, CSV or Parquet: one row an example, one column the class."""

import re
from pathlib import Path

import pandas as pd

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.content import file_digest
from mixupe.data.tabular.index_columns import without_row_numbers, without_unnamed
from mixupe.data.tabular.outside import outside_bundle
from mixupe.data.tabular.settings import OwnTable
from mixupe.data.tabular.table_file import check_file, is_parquet, other_separator, read_csv, read_table
from mixupe.data.tabular.text_columns import Writing, few, read_text_columns, without_declared_missing
from mixupe.errors import UserError


def is_here(config: OwnTable, root: Path) -> bool:  # noqa: ARG001 - the user's file is not below the root
    return config.path.is_file()


def content_version(config: OwnTable) -> str:
    """SHA-256 of the file: part of a run's identity in place of the path.

    Raises:
        UserError: the file is not there or not readable.
    """
    check_file(config.path, "dataset.path")
    try:
        return file_digest(config.path)
    except OSError as error:
        raise UserError(f"dataset.path: {config.path} cannot be read ({error.strerror})") from error


def load(config: OwnTable, request: DataRequest) -> DataBundle:
    frame = read_table(config.path, "dataset.path", config.separator, config.decimal, config.encoding)
    # Line 1 of a CSV file is the header.
    first_row = 1 if is_parquet(config.path) else 2
    wanted = frozenset({config.target, *config.drop, *config.categorical})
    frame, unnamed = without_unnamed(frame, wanted)
    _check_columns(frame, config)
    zeros = _leading_zeros(frame, config)
    writing = Writing(config.decimal, config.thousands, config.missing, first_row)
    frame = without_declared_missing(frame, config.missing)
    frame, read_as = read_text_columns(frame, writing, wanted)
    frame, numbering = without_row_numbers(frame, wanted)
    return outside_bundle(
        frame,
        config.target,
        config,
        request,
        name=str(config.path),
        first_row=first_row,
        missing=config.missing,
        notes=unnamed + read_as + zeros + numbering,
    )


def _check_columns(frame: pd.DataFrame, config: OwnTable) -> None:
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise UserError(f"dataset.path: {config.path} has more than one column {str(repeated[0])!r}")
    names = [str(name) for name in frame.columns]
    right = other_separator(names)
    if right is not None and config.target not in names:
        raise UserError(f"dataset.separator: {config.path} has one column only, {names[0]!r}; perhaps {right} is meant")


def _leading_zeros(frame: pd.DataFrame, config: OwnTable) -> tuple[str, ...]:
    """A note for each column of numbers that are names, the target or declared categories, where a cell is as `01`."""
    names = dict.fromkeys((config.target, *config.categorical))
    columns = [name for name in names if name in frame.columns and pd.api.types.is_numeric_dtype(frame[name])]
    if not columns or is_parquet(config.path):
        return ()
    cells = read_csv(config.path, config.separator, config.decimal, config.encoding, texts=columns, texts_alone=True)
    notes = []
    for name in columns:
        texts = set(cells[name].dropna().str.strip())
        led = sorted(text for text in texts if re.fullmatch(r"[+-]?0\d+", text))
        if led:
            alike = next((text for text in led if str(int(text)) in texts), None)
            said = f"{led[0]!r} is read as {int(led[0])}" if alike is None else f"{alike!r} and '{int(alike)}' are one"
            notes.append(f"column {name!r} holds numbers: {said}")
    return few(notes)
