"""Which code the runs of a cell came from: methods are comparable where it is one commit without changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from mixupe.tables.collect import DeclaredRun

# Of more methods, as in a search, the number is said instead.
MOST_NAMES = 4


def commit_text(code: Mapping[str, Any]) -> str:
    """Short commit, `+ changes` where the tree was not clean; `code` as in a record."""
    commit = code["commit"]
    return "unknown" if commit is None else commit[:8] + (" + changes" if code["dirty"] else "")


def provenance_lines(runs: Sequence[DeclaredRun]) -> list[str]:
    """One line a set of cells whose runs are of several commits, or of a tree with uncommitted changes."""
    methods: dict[str, dict[str, dict[str, None]]] = {}
    for run in runs:
        if run.record is not None and "code" in run.record:
            cell = " ".join([run.names["dataset"], run.names["model"]])
            of_commit = methods.setdefault(cell, {}).setdefault(commit_text(run.record["code"]), {})
            of_commit[run.method] = None
    cells: dict[str, list[str]] = {}
    for cell, commits in methods.items():
        changed = any(commit.endswith("changes") for commit in commits)
        if len(commits) > 1 or changed:
            what = "Not of one commit" if len(commits) > 1 else "From a tree with uncommitted changes"
            told = "; ".join(f"{commit}: {_names(list(names))}" for commit, names in sorted(commits.items()))
            cells.setdefault(f"{what} ({told})", []).append(cell)
    return [f"{text}: {', '.join(names)}." for text, names in cells.items()]


def _names(methods: Sequence[str]) -> str:
    return ", ".join(methods) if len(methods) <= MOST_NAMES else f"{len(methods)} methods"
