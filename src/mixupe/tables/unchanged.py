"""A table that was built from the very records there are: shown again without computing, drawing or W&B.

When a table has been built, a stamp beside the run store notes what it was built from (declaration, overrides, records, the
code, W&B's environment variables), its files by their hashes, and what was said. Where all of that is as it was, there is
nothing to do.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mixupe
from mixupe.experiment.kept import kept_ids
from mixupe.files import read_object, write_json
from mixupe.places import CONFIGS
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import Table

# What draws and writes a table besides this package.
PACKAGES = ("matplotlib", "pandas", "numpy", "scipy", "statsmodels")
# As the user has set it: wandb adds variables of its own.
_WANDB = sorted(item for item in os.environ.items() if item[0].startswith("WANDB_") and item[0] != "WANDB_API_KEY")


def remember(
    table: Table, runs: Sequence[DeclaredRun], overrides: Sequence[str], folder: Path, said: dict[str, Any]
) -> None:
    """Note that the files in `folder` are the table of these runs; `said` is what `unchanged` will give."""
    if _is_self_contained(table) and _all_done(runs):
        stamp = {"inputs": _inputs(table, runs, overrides), "files": _files(folder), "said": said}
        write_json(_stamp(table, runs), stamp)


def unchanged(
    table: Table, runs: Sequence[DeclaredRun], overrides: Sequence[str], folder: Path
) -> dict[str, Any] | None:
    """What was said when the table was built, if building it again would change nothing; else None."""
    if not (_is_self_contained(table) and _all_done(runs)):
        return None
    stamp = read_object(_stamp(table, runs)) or {}
    is_same = stamp.get("inputs") == _inputs(table, runs, overrides) and stamp.get("files") == _files(folder)
    return stamp.get("said") if is_same else None


def _all_done(runs: Sequence[DeclaredRun]) -> bool:
    return bool(runs) and all(run.record is not None for run in runs)


def _is_self_contained(table: Table) -> bool:
    """Whether it is made of its own runs alone; what other tables and published figures say is not noted."""
    return table.tuned_on is None and table.nested is None and not (CONFIGS / "paper" / f"{table.name}.yaml").exists()


def _stamp(table: Table, runs: Sequence[DeclaredRun]) -> Path:
    return runs[0].settings.output_root / "tables" / f"{table.name}.json"


def _inputs(table: Table, runs: Sequence[DeclaredRun], overrides: Sequence[str]) -> str:
    """SHA-256 of all that the table's files are a function of."""
    content = [
        *(table.model_dump(mode="json"), list(overrides), [run.record for run in runs]),
        *([version(package) for package in PACKAGES], _WANDB),
    ]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for path in sorted(Path(mixupe.__path__[0]).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of the table's files, and the names of its records."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*") if path.is_file()}
    return files | {f"records/{run_id}.json": "" for run_id in kept_ids(folder)}
