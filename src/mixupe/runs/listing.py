"""Runs as a table in the terminal."""

import time
from collections.abc import Sequence
from typing import Any

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
    texts = summary_texts(_with_contents(kept))
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


def _with_contents(runs: Sequence[StoredRun]) -> list[dict[str, Any]]:
    """Their configs, and the content of the user's own files where runs of one data set differ in it."""
    contents = [str((run.record or {}).get("content", ""))[:SHORT_ID] for run in runs]
    of_set: dict[str, set[str]] = {}
    for run, content in zip(runs, contents, strict=True):
        of_set.setdefault(run.names[0], set()).update([content] if content else [])
    return [
        {**run.flat, "content": content} if content and len(of_set[run.names[0]]) > 1 else run.flat
        for run, content in zip(runs, contents, strict=True)
    ]


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
