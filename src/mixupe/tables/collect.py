"""From a declared table to its records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixupe.experiment.compose import compose_all
from mixupe.experiment.config import RunSettings
from mixupe.experiment.files import read_json, write_json
from mixupe.experiment.identity import run_id
from mixupe.experiment.store import RunStore
from mixupe.tables.manifest import Table

METRIC = "test_error"
Record = dict[str, Any]


@dataclass(frozen=True)
class DeclaredRun:
    """A run of a table, whether or not it has been run.

    Attributes:
        state: DONE where `record` is there, else the run store's.
        reason: why a FAILED run failed.
    """

    cell: int
    settings: RunSettings
    state: str
    record: Record | None
    reason: str = ""

    @property
    def augmentation(self) -> str:
        return self.settings.augmentation.name

    @property
    def names(self) -> dict[str, str]:
        """The columns by which a row of a table is known."""
        return {
            "dataset": self.settings.dataset.name,
            "model": self.settings.model.name,
            "augmentation": self.augmentation,
        }


def declared_runs(table: Table, folder: Path, extra: Sequence[str] = ()) -> list[DeclaredRun]:
    """Every run of the table with its record, from `folder`/records or else from the run store; writes nothing.

    Only the declared identities are looked up, so records of other configs never leak into a table.
    """
    runs = []
    for cell, declared in enumerate(table.cells):
        for settings in compose_all(table.cell_override_lists(declared, extra)):
            kept = folder / "records" / f"{run_id(settings)}.json"
            stored = RunStore(settings.output_root).folder(run_id(settings))
            if kept.exists():
                runs.append(DeclaredRun(cell, settings, "DONE", read_json(kept)))
                continue
            state = stored.state()
            record = read_json(stored.record) if state == "DONE" else None
            reason = stored.details().get("reason", "") if state == "FAILED" else ""
            runs.append(DeclaredRun(cell, settings, state, record, reason))
    return runs


def keep_records(runs: Sequence[DeclaredRun], folder: Path) -> None:
    """Copy the records that only the run store has into `folder`/records, from which a table can always be rebuilt."""
    for run in runs:
        path = folder / "records" / f"{run_id(run.settings)}.json"
        if run.record is not None and not path.exists():
            write_json(path, run.record)


def errors_by_seed(runs: Sequence[DeclaredRun]) -> dict[tuple[int, str], dict[int, float]]:
    """(cell, augmentation) -> seed -> test error in percent, in the table's order; cells without a record are empty."""
    errors: dict[tuple[int, str], dict[int, float]] = {}
    for run in runs:
        cell = errors.setdefault((run.cell, run.augmentation), {})
        if run.record is not None:
            cell[run.settings.seed] = float(run.record["metrics"][METRIC])
    return errors
