"""A user's own table, CSV or Parquet: one row an example, one column the class."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.tabular.columns import MISSING_MARKERS
from mixupe.data.tabular.outside import ColumnName, OutsideTableSettings, outside_bundle
from mixupe.settings import UserError


class Config(OutsideTableSettings):
    """Attributes:
    path: a .parquet file; anything else is read as CSV in UTF-8 with a header line (.csv.gz and the like too).
    target: name of the column that holds the class.
    separator: between the fields of a CSV file.
    """

    # Where the file lies says nothing of what is in it: `content_version` does.
    path: Path = Field(json_schema_extra={"identity": False})
    target: ColumnName
    separator: str = Field(default=",", min_length=1, max_length=1)


def is_here(config: Config, root: Path) -> bool:  # noqa: ARG001 - the user's file is not below the root
    return config.path.is_file()


def content_version(config: Config) -> str:
    """SHA-256 of the file: part of a run's identity in place of the path.

    Raises:
        UserError: the file is not there or not readable.
    """
    _check_file(config.path)
    try:
        with config.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"dataset.path: {config.path} cannot be read ({error.strerror})") from error


def load(config: Config, request: DataRequest) -> DataBundle:
    _check_file(config.path)
    try:
        is_parquet = config.path.suffix == ".parquet"
        frame = pd.read_parquet(config.path) if is_parquet else _read_csv(config)
    except (OSError, ValueError, pd.errors.ParserWarning, EOFError) as error:
        raise UserError(f"dataset.path: {config.path} cannot be read ({_one_line(error)})") from error
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise UserError(f"dataset.path: {config.path} has more than one column {str(repeated[0])!r}")
    frame, notes = _without_row_numbers(frame, config)
    # Line 1 of a CSV file is the header.
    first_row = 1 if is_parquet else 2
    return outside_bundle(
        frame, config.target, config, request, name=str(config.path), first_row=first_row, notes=notes
    )


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"dataset.path: {path} is not a file; give a CSV or Parquet file")
    if path.stat().st_size == 0:
        raise UserError(f"dataset.path: {path} is empty")


def _read_csv(config: Config) -> pd.DataFrame:
    # pandas would rename repeated columns and take the first field of rows that are too long for an index.
    header = pd.read_csv(config.path, sep=config.separator, header=None, nrows=1, dtype=str, skipinitialspace=True)
    names = [str(name).strip() for name in header.iloc[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            config.path,
            sep=config.separator,
            index_col=False,
            skipinitialspace=True,
            na_values=list(MISSING_MARKERS),
            low_memory=False,
        )
    return frame.set_axis(names, axis=1)


def _without_row_numbers(frame: pd.DataFrame, config: Config) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A column that counts the rows tells the class wherever the rows are sorted by class."""
    counting = [
        str(column)
        for column in frame.columns
        if str(column) != config.target
        and str(column) not in {*config.drop, *config.categorical}
        and pd.api.types.is_integer_dtype(frame[column])
        and len(frame) > 2
        and bool(np.all(np.diff(frame[column].to_numpy()) == 1))
    ]
    notes = (f"{len(counting)} column(s) that number the rows left out: {', '.join(counting)}",) if counting else ()
    return frame.drop(columns=[column for column in frame.columns if str(column) in counting]), notes


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
