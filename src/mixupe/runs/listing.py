"""Runs as a table in the terminal."""

import time
from collections.abc import Sequence

from mixupe.experiment.titles import SHORT_ID, summary_texts
from mixupe.runs.screen import say_wrapped, show_table
from mixupe.runs.stored import StoredRun


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
    texts = summary_texts([run.flat for run in kept])
    columns = {
        "id": [run.id[:SHORT_ID] for run in kept],
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
        say_wrapped(f"{run.id[:SHORT_ID]} failed: {run.reason}")


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
