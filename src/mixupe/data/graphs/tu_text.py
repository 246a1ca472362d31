"""One text file of a set in TUDataset's format: a row a line, numbers separated by commas."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixupe.errors import UserError

Integers = npt.NDArray[np.int64]

# A byte order mark, as Windows editors write it, is no part of the first number.
_ENCODING = "utf-8-sig"
_AS_MANY = "separated by commas, as many as in the line before"


def read_integers(path: Path) -> tuple[Integers, tuple[str, ...]]:
    """The integers of a file, (rows, columns), and a note if 1.0 was taken for 1; blank lines do not count.

    Raises:
        UserError: the file cannot be read, is empty, or a line holds something else.
    """
    try:
        return _load(path, np.int64), ()
    except ValueError as error:
        values = _whole(path)
        if values is None:
            raise _refused(path, int, "integers", error) from error
        return values, (f"{path.name} holds decimal numbers that are whole, such as 1.0: taken as integers",)


def read_floats(path: Path) -> npt.NDArray[np.float64]:
    """The numbers of a file, (rows, columns), finite also in float32. Errors as `read_integers`."""
    try:
        values = _load(path, np.float64)
    except ValueError as error:
        raise _refused(path, float, "numbers", error) from error
    usable = (np.abs(values) <= np.finfo(np.float32).max).all(axis=1)  # nor is NaN
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0]) + 1
        raise UserError(f"dataset: {path} row {row} holds a value that is not finite, or too large for float32")
    return values


def _load(path: Path, dtype: type[Any]) -> npt.NDArray[Any]:
    """Raises ValueError where a line is not as wanted, UserError where no line can be."""
    try:
        # numpy takes what is before a NUL for the whole field.
        if b"\0" in path.read_bytes():
            raise ValueError("NUL")
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of an empty file: an error below
            values: npt.NDArray[Any] = np.loadtxt(
                path, dtype=dtype, delimiter=",", comments=None, ndmin=2, encoding=_ENCODING
            )
    except OSError as error:
        raise UserError(f"dataset: {path} cannot be read ({error.strerror})") from error
    if values.size == 0:
        raise UserError(f"dataset: {path} is empty")
    return values


def _whole(path: Path) -> Integers | None:
    """The numbers of a file as integers, if they are whole."""
    try:
        values = _load(path, np.float64)
    except ValueError:
        return None
    # Larger ones would not be exact.
    return values.astype(np.int64) if (values % 1 == 0).all() and (abs(values) < 2**53).all() else None


def _refused(path: Path, number: type[int] | type[float], what: str, error: ValueError) -> UserError:
    return UserError(f"dataset: {path} {_first_bad_line(path, number) or error}; allowed are {what}, {_AS_MANY}")


def _first_bad_line(path: Path, number: type[int] | type[float]) -> str | None:
    columns = None
    with path.open(encoding=_ENCODING, errors="replace") as file:
        for index, line in enumerate(file, start=1):
            fields = line.split(",") if line.strip("\r\n") else []
            try:
                if "\0" in line:
                    raise ValueError
                [number(field) for field in fields]
            except ValueError:
                return f"line {index} is {line.rstrip()[:60]!r}"
            columns = columns or len(fields)
            if fields and len(fields) != columns:
                return f"line {index} has {len(fields)} columns instead of {columns}"
    return None
