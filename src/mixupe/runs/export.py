"""Runs as a data frame, as CSV and as Parquet."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mixupe.errors import UserError
from mixupe.files import replacing, write_text
from mixupe.runs.stored import StoredRun
from mixupe.tables.escape import csv_text

FORMATS = (".csv", ".parquet")


def export_runs(runs: Sequence[StoredRun], path: Path) -> None:
    """Every key of the configs and every metric, one row a run.

    Raises:
        UserError: the file is neither CSV nor Parquet, or cannot be written.
    """
    if path.suffix not in FORMATS:
        raise UserError(f"export: {path} must end in {' or '.join(FORMATS)}")
    frame = runs_frame(runs)
    try:
        if path.suffix == ".csv":
            write_text(path, csv_text(frame))
        else:
            with replacing(path) as partial:
                frame.to_parquet(partial, index=False)
    except OSError as error:
        raise UserError(f"export: {path} cannot be written ({error.strerror})") from error


def runs_frame(runs: Sequence[StoredRun]) -> pd.DataFrame:
    """One row a run: id, group, state, table, the config's keys, `metrics.*`, seconds, finished (UTC), commit, folder."""
    rows = [
        {
            "id": run.id,
            "group": (run.record or {}).get("group", ""),
            "state": run.state,
            "table": run.table,
            **run.flat,
            **{f"metrics.{name}": value for name, value in (run.record or {}).get("metrics", {}).items()},
            "seconds": (run.record or {}).get("timing", {}).get("seconds"),
            "finished": pd.Timestamp(run.finished, unit="s").floor("s") if run.finished else pd.NaT,
            "commit": (run.record or {}).get("code", {}).get("commit"),
            "folder": str(run.folder.path) if run.folder.path.exists() else "",
        }
        for run in runs
    ]
    frame = pd.DataFrame(rows)
    return frame.apply(_one_type)


def _one_type(column: pd.Series) -> pd.Series:
    """A column of one type, as Parquet needs it: lists, and texts beside numbers, as JSON."""
    kinds = {type(value) for value in column.dropna()}
    if kinds <= {int, float} or (len(kinds) == 1 and not kinds & {list, tuple, dict}):
        return column
    # A run without the key has none: json.dumps would make a text of it.
    return column.map(lambda value: value if isinstance(value, str) else json.dumps(value), na_action="ignore")
