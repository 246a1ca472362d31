"""Runs as a table: in the terminal, as CSV and as Parquet."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mixupe.errors import UserError
from mixupe.files import replacing, write_text
from mixupe.runs.screen import say_wrapped, show_table
from mixupe.runs.stored import SHORT, StoredRun
from mixupe.runs.wording import summary_texts
from mixupe.tables.escape import csv_text

FORMATS = (".csv", ".parquet")


def show_runs(runs: Sequence[StoredRun], last: int) -> None:
    """The last runs, each with what it differs in from the others.

    Args:
        runs: the latest last.
        last: at most so many; the others are counted.
    """
    if not runs:
        say_wrapped("No runs.")
        return
    kept = runs[-last:]
    texts = summary_texts(kept)
    columns = {
        "id": [run.id[:SHORT] for run in kept],
        "state": [_state(run) for run in kept],
        "test %": [_error(run) for run in kept],
        "when": [_ago(run.finished) for run in kept],
        "run": list(texts.each),
    }
    if set(columns["state"]) == {"done"}:
        del columns["state"]
    more = f" (the last {len(kept)}; --all shows all)" if len(kept) < len(runs) else ""
    rows = list(zip(*columns.values(), strict=True))
    title = f"{len(runs)} run{'s' if len(runs) > 1 else ''}{more}{': ' if texts.common else ''}{texts.common}"
    show_table(title, list(columns), rows, numbers=["test %", "when"])
    failed = [run for run in kept if run.state == "FAILED"]
    for run in failed:
        say_wrapped(f"{run.id[:SHORT]} failed: {run.reason}")


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
            write_text(path, csv_text(frame, list(frame.columns)))
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
    return column.map(lambda value: value if value is None or isinstance(value, str) else json.dumps(value))


def _state(run: StoredRun) -> str:
    # The longest word would take a fifth of the terminal.
    return {"DONE": "done", "RUNNING": "running", "INTERRUPTED": "stopped", "FAILED": "failed"}[run.state]


def _error(run: StoredRun) -> str:
    return "" if run.record is None else f"{run.record['metrics']['test_error']:.2f}"


def _ago(moment: float) -> str:
    seconds = time.time() - moment
    if not moment:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"
