"""X as users of scikit-learn have it, a data frame or an array, as the framework's tables are encoded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from torch import Tensor

from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.encoding import encoding_of, one_hot_blocks
from mixupe.data.tabular.frame import table_transformer
from mixupe.errors import UserError

Table = pd.DataFrame | npt.NDArray[Any]


@dataclass(frozen=True)
class Columns:
    """How rows become inputs, as `data.tabular.frame.table_bundle` does it; statistics are of the training rows.

    Attributes:
        names: of the F columns; an array's are x0, x1, ...
        texts: those that hold categories.
        transformer: fitted.
    """

    names: tuple[str, ...]
    texts: frozenset[str]
    transformer: ColumnTransformer

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """[start, stop) of each one-hot block among the inputs."""
        return one_hot_blocks(encoding_of(self.transformer))

    def inputs(self, x: Table) -> Tensor:
        """(N, F) rows as (N, D) float32 inputs.

        Raises:
            ValueError: a column that held numbers in training holds text, or a number is too large.
        """
        frame = _cleaned(x, self.names, self.texts)
        other = next((name for name in self.names if frame[name].dtype == object and name not in self.texts), None)
        if other is not None:
            if frame[other].notna().any():
                text = frame[other].dropna().iloc[0]
                raise ValueError(f"X: column {other!r} held numbers in training, now {text!r}")
            frame = frame.astype({name: "float64" for name in self.names if name not in self.texts})
        with np.errstate(over="ignore", invalid="ignore"):
            inputs = np.asarray(self.transformer.transform(frame), dtype=np.float32)
        wrong = np.flatnonzero(~np.isfinite(inputs).all(axis=0))
        if len(wrong):
            name = encoding_of(self.transformer)["numeric"]["names"][wrong[0]]  # indicators and categories are finite
            raise ValueError(f"X: column {name!r} holds a number too large for float32 when it is standardised")
        return torch.from_numpy(inputs)


def learn_columns(x: Table, rows: npt.NDArray[np.intp]) -> Columns:
    """Find out what the columns of (N, F) rows hold, and the statistics of some of the rows.

    Raises:
        ValueError: a column holds what cannot be encoded (dates, lists, infinite numbers), or two have one name.
    """
    names = _names(x)
    frame = _cleaned(x, names, frozenset())
    texts = frozenset(name for name in names if frame[name].dtype == object)
    transformer = table_transformer(frame)
    transformer.fit(frame.iloc[rows])
    return Columns(names, texts, transformer)


def _names(x: Table) -> tuple[str, ...]:
    if not isinstance(x, pd.DataFrame):
        return tuple(f"x{place}" for place in range(x.shape[1]))
    names = tuple(map(str, x.columns))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"X: columns must have different names, {twice!r} comes more than once")
    return names


def _cleaned(x: Table, names: tuple[str, ...], texts: frozenset[str]) -> pd.DataFrame:
    if isinstance(x, np.ndarray) and x.dtype == object:
        x = _numbers_if_they_are(x)
    frame = x.set_axis(list(names), axis=1) if isinstance(x, pd.DataFrame) else pd.DataFrame(x, columns=list(names))
    try:
        return clean(frame.reset_index(drop=True), "X", categorical=texts)
    except UserError as error:
        # The rest of the line names a key of a config.
        what, *_ = str(error).removeprefix("dataset: ").split("; leave it out")
        raise ValueError(what) from error


def _numbers_if_they_are(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array of objects as float64 where each is a number or missing; NumPy's TypeError for what is no value at all."""
    filled = np.where(pd.isna(x), np.nan, x)
    try:
        return filled.astype(np.float64)
    except ValueError:  # text
        return filled
