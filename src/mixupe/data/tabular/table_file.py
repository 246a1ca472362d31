"""From a CSV or Parquet file to a data frame, as the file has it."""

import codecs
import gzip
import lzma
import mmap
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from mixupe.errors import UserError, one_line
from mixupe.quoting import shell_word

# The key of the file that a run is trained on; others are of files for a trained model.
OWN = "dataset.path"
_AS_TRAINED = "write it as the file that the model was trained on"
_PARQUET = b"PAR1"
_COMPRESSED = {".gz", ".bz2", ".zip", ".xz", ".zst", ".tar"}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_parquet(path: Path, key: str = OWN) -> bool:
    """By the file's first bytes; `key` of the config or command names it in errors, here and below.

    Raises:
        UserError: it is called one and is none, or is not readable.
    """
    found = _beginning(path, key) == _PARQUET
    if not found and path.suffix.lower() in {".parquet", ".pq"}:
        raise UserError(f"{key}: {path} cannot be read (it does not begin as a Parquet file does, with PAR1)")
    return found


def check_file(path: Path, key: str) -> None:
    """Raises UserError where there is no file with something in it; `key` of the config or command names it."""
    if not path.is_file():
        raise UserError(f"{key}: {path} is not a file; give a CSV or Parquet file")
    if path.stat().st_size == 0:
        raise UserError(f"{key}: {path} is empty")


def read_table(
    path: Path, key: str, separator: str, decimal: str, encoding: str, texts: Collection[str] = ()
) -> pd.DataFrame:
    """N rows of a Parquet file or of any other, which is taken for CSV. Raises UserError as the functions it calls."""
    check_file(path, key)
    is_csv = not is_parquet(path, key)
    return read_csv(path, separator, decimal, encoding, key, texts) if is_csv else read_parquet(path, key)


def read_parquet(path: Path, key: str = OWN) -> pd.DataFrame:
    """N rows with the file's dtypes; a named index of pandas is columns. Raises UserError where the file is damaged."""
    try:
        frame = pd.read_parquet(path)
        named = [name for name in frame.index.names if name is not None]
        return frame.reset_index(named) if named else frame
    except Exception as error:  # a damaged file makes its libraries raise nearly anything
        raise _unreadable(path, error, key) from error


def read_csv(
    path: Path,
    separator: str,
    decimal: str,
    encoding: str,
    key: str = OWN,
    texts: Collection[str] = (),
    texts_alone: bool = False,
) -> pd.DataFrame:
    """N rows, every cell that is not empty as it is: a column holds numbers where all its cells are, else text.

    Columns named in `texts` are text whatever their cells are; with `texts_alone` the others are left out.

    Raises:
        UserError: the file is damaged, no text in that encoding, or no table.
    """
    _check_is_text(path, encoding, key)
    # Without the mark that some programs put first.
    encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    header = None
    try:
        # pandas would rename repeated columns and take the first field of rows that are too long for an index.
        header = pd.read_csv(
            path,
            sep=separator,
            header=None,
            nrows=1,
            dtype=str,
            skipinitialspace=True,
            keep_default_na=False,
            encoding=encoding,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=separator,
                decimal=decimal,
                dtype={name: str for name in header.iloc[0] if str(name).strip() in texts},
                usecols=(lambda name: str(name).strip() in texts) if texts_alone else None,
                index_col=False,
                skipinitialspace=True,
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
                encoding=encoding,
            )
    except UnicodeError as error:
        advice = "give its encoding, such as dataset.encoding=latin-1" if key == OWN else _AS_TRAINED
        reason = f"it is not in {encoding.removesuffix('-sig')}; {advice}"
        raise UserError(f"{key}: {path} cannot be read ({reason})") from error
    except Exception as error:  # a damaged archive makes its library raise nearly anything
        # With decimal commas, rows fall apart at them.
        right = None if header is None else other_separator([str(name) for name in header.iloc[0]])
        raise _unreadable(path, error, key, _meant(right, separator, key)) from error
    names = [str(name).strip() for name in header.iloc[0]]
    return frame.set_axis([name for name in names if not texts_alone or name in texts], axis=1)


def other_separator(names: Sequence[str]) -> str | None:
    """The override for the separator that stands in the name of the only column; None where there are more, or none does."""
    separators = {";": "';'", "\t": r"\t", "|": "'|'", ",": "','"}
    used = next((mark for mark in separators if len(names) == 1 and mark in names[0]), None)
    return None if used is None else shell_word(f"dataset.separator={separators[used]}")


def _beginning(path: Path, key: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise _unreadable(path, error, key) from error


def _check_is_text(path: Path, encoding: str, key: str) -> None:
    """pandas would read on after a NUL and lose the rest of its cell."""
    if path.suffix.lower() in _COMPRESSED or codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return
    if _beginning(path, key).startswith(_UTF_16):
        advice = "give dataset.encoding=utf-16" if key == OWN else _AS_TRAINED
        raise UserError(f"{key}: {path} cannot be read (it is in UTF-16; {advice})")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        position = content.find(b"\0")
        if position >= 0:
            line = content[:position].count(b"\n") + 1
            reason = f"line {line} holds a NUL byte, which no text does; a CSV or Parquet file is allowed"
            raise UserError(f"{key}: {path} cannot be read ({reason})")


def _meant(right: str | None, separator: str, key: str) -> str:
    if right is None:
        return ""
    return f"; perhaps {right} is meant" if key == OWN else f"; its separator is not {separator!r}: {_AS_TRAINED}"


def _unreadable(path: Path, error: Exception, key: str, meant: str = "") -> UserError:
    reason = one_line(error)
    if isinstance(error, ImportError) and path.suffix.lower() == ".zst":
        reason = "that needs the package zstandard; or unpack it first"
    elif isinstance(error, pd.errors.ParserWarning):
        reason = "its rows have more fields than its header"
    elif isinstance(
        error, zipfile.BadZipFile | gzip.BadGzipFile | tarfile.TarError | lzma.LZMAError | zlib.error | EOFError
    ):
        reason = f"it is cut off or no {path.suffix} archive"
    return UserError(f"{key}: {path} cannot be read ({reason}){meant}")
