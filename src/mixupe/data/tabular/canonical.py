"""A table in the one form that its copies share, wherever they come from and however they are written.

Columns are known by their place, rows stand in the order of their hashes, numbers count to some digits, and of the labels
their order counts, not their names. So equal tables have one digest, one split and one run.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.settings import DIGITS

TARGET = "class"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CanonicalTable:
    """A table in that form.

    Attributes:
        frame: columns "0" to "D-1" as `columns.clean` makes them, and `class`; N rows.
        digest: SHA-256 of what is in it.
    """

    frame: pd.DataFrame
    digest: str


def canonical_table(
    features: pd.DataFrame,
    target: pd.Series,
    name: str,
    *,
    categorical: frozenset[str] = frozenset(),
    digits: int = DIGITS,
) -> CanonicalTable:
    """Bring a copy of a table to that form.

    Args:
        features: N rows of D columns in the set's own order; their names and dtypes do not matter.
        target: N labels.
        name: of the copy, for error messages.
        categorical: places of columns that hold categories although they are numbers.
        digits: that numbers are rounded to, where a copy has no more.

    Raises:
        UserError: what `columns.clean` refuses.
    """
    numbered = _plain(features.set_axis([str(place) for place in range(features.shape[1])], axis=1))
    cleaned = clean(numbered, name)
    if categorical:  # only now, so that 1 and 1.0 and "1" are one category
        cleaned = clean(cleaned, name, categorical=categorical)
    labels = clean(_plain(target.rename(TARGET).to_frame()), name)[TARGET]
    is_text = np.array([cleaned[column].dtype == object for column in cleaned])
    numbers = _to_digits(cleaned.loc[:, ~is_text].to_numpy("float64", copy=True), digits)
    texts = cleaned.loc[:, is_text]
    ranks = pd.factorize(labels, sort=True)[0]
    hashes = _row_hashes(numbers, texts, ranks)
    order = np.argsort(hashes, kind="stable")
    cleaned.loc[:, ~is_text] = numbers
    frame = cleaned.assign(**{TARGET: labels}).iloc[order].reset_index(drop=True)
    whole = hashlib.sha256("".join("t" if text else "n" for text in is_text).encode())
    whole.update(hashes[order].tobytes())
    return CanonicalTable(frame, whole.hexdigest())


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Without pandas' category type: whether a column was declared nominal differs from copy to copy."""
    nominal = [column for column in frame if isinstance(frame[column].dtype, pd.CategoricalDtype)]
    return frame.reset_index(drop=True).astype(dict.fromkeys(nominal, "object"))


def _to_digits(values: Floats, digits: int) -> Floats:
    """Each number as the one nearest to its first digits, as printf writes them; no negative zeros, one kind of NaN."""
    longer = np.isfinite(values) & ((values % 1 != 0) | (np.abs(values) >= 10**digits))
    values[longer] = [float(f"{number:.{digits}g}") for number in values[longer].tolist()]
    values[np.isnan(values)] = np.nan
    return values + 0.0


def _row_hashes(numbers: Floats, texts: pd.DataFrame, ranks: npt.NDArray[np.intp]) -> npt.NDArray[np.bytes_]:
    """(N,) hashes of 16 bytes."""
    rows = np.ascontiguousarray(numbers, dtype="<f8")
    joined = ["\x1f".join(map(str, row)) for row in texts.fillna("\x1e").to_numpy(dtype=object)]
    hashes = [
        # 15 bytes and a last one that is not 0: numpy's byte strings lose trailing zeros.
        hashlib.blake2b(b"%d\x1f%b\x1f%b" % (rank, text.encode(), row.tobytes()), digest_size=15).digest() + b"\x01"
        for row, text, rank in zip(rows, joined, ranks.tolist(), strict=True)
    ]
    return np.array(hashes, dtype="S16")
