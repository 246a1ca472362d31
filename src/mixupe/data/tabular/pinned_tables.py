"""Public tables known by their content: whichever copy they are read from, the rows, the split and the run are the same."""

from itertools import pairwise
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.content import check_content
from mixupe.data.tabular.canonical import TARGET, canonical_table
from mixupe.data.tabular.outside import outside_bundle
from mixupe.data.tabular.settings import PinnedTable
from mixupe.data.tabular.table_sources import is_here, read_source
from mixupe.errors import UserError


def fetch(config: PinnedTable, root: Path) -> None:
    if not is_here(config, root):
        read_source(config, root)


# Runs of one seed that are trained at once share their data: MNIST as a table takes 10 seconds to read and 200 MB.
_in_use: WeakValueDictionary[tuple[PinnedTable, DataRequest], DataBundle] = WeakValueDictionary()


def load(config: PinnedTable, request: DataRequest) -> DataBundle:
    data = _in_use.get((config, request))
    if data is None:
        data = _in_use[config, request] = _load(config, request)
    return data


def _load(config: PinnedTable, request: DataRequest) -> DataBundle:
    source = read_source(config, request.root)
    categorical = frozenset(config.categorical)
    table = canonical_table(
        source.features, source.target, source.origin, categorical=categorical, digits=config.digits
    )
    check_content(table.digest, config.content_sha256, f"the rows of {source.origin}")
    frame = table.frame
    if config.bins:
        frame[TARGET] = binned(frame[TARGET], config.bins)
    notes = (f"rows are those of {source.origin}", *source.notes)
    return outside_bundle(frame, TARGET, config, request, name=source.origin, notes=notes)


def binned(target: pd.Series, bins: tuple[int, ...]) -> pd.Series:
    """The N labels as text such as `9 to 10`.

    Raises:
        UserError: labels are not numbers, or the bins do not ascend.
    """
    if not pd.api.types.is_numeric_dtype(target):
        raise UserError("dataset.bins: the labels are no numbers, so they cannot be binned; leave it empty")
    if list(bins) != sorted(set(bins)):
        raise UserError(f"dataset.bins: must ascend, got {list(bins)}")
    middle = [f"{low + 1} to {high}" for low, high in pairwise(bins)]
    names = np.array([f"up to {bins[0]}", *middle, f"over {bins[-1]}"], dtype=object)
    return pd.Series(names[np.searchsorted(bins, target)], index=target.index, name=target.name)
