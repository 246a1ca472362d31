"""From a declared table to its records, and to the rows of table.csv."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixupe.experiment.compose import compose_all
from mixupe.experiment.config import RunSettings
from mixupe.experiment.files import read_json, write_json
from mixupe.experiment.identity import run_id
from mixupe.experiment.store import RunStore
from mixupe.tables.manifest import Table
from mixupe.tables.statistics import holm, paired_difference, summarise

METRIC = "test_error"
BASELINE = "mixup"
COLUMNS = (
    *("dataset", "model", "augmentation", "metric", "n", "mean", "std", "ci_low", "ci_high"),
    *("delta_vs_mixup", "delta_ci_low", "delta_ci_high", "p_value", "paper", "paper_source"),
)

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


def table_frame(runs: Sequence[DeclaredRun]) -> pd.DataFrame:
    """One row a cell and augmentation with the columns COLUMNS; errors and differences in percent (points).

    p_value is of the paired t test against mixup over shared seeds, Holm-adjusted over all rows of the table. `paper`
    stays empty where no sourced figure is at hand. Beside COLUMNS, `declared` is the number of runs the table declares.
    """
    errors = errors_by_seed(runs)
    first = {(run.cell, run.augmentation): run.settings for run in reversed(runs)}
    rows, p_values = [], []
    for (cell, augmentation), by_seed in errors.items():
        settings = first[cell, augmentation]
        summary = summarise(list(by_seed.values()))
        row: dict[str, Any] = {
            "dataset": settings.dataset.name,
            "model": settings.model.name,
            "augmentation": augmentation,
            "metric": METRIC,
            "n": summary.n,
            "mean": summary.mean,
            "std": summary.std,
            "ci_low": summary.ci_low,
            "ci_high": summary.ci_high,
        }
        p_value = float("nan")
        if augmentation != BASELINE and (cell, BASELINE) in errors:
            difference = paired_difference(by_seed, errors[cell, BASELINE])
            row["delta_vs_mixup"] = difference.summary.mean
            row["delta_ci_low"] = difference.summary.ci_low
            row["delta_ci_high"] = difference.summary.ci_high
            p_value = difference.p_value
        p_values.append(p_value)
        rows.append(row)
    declared = Counter((run.cell, run.augmentation) for run in runs)
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    frame["declared"] = [declared[key] for key in errors]
    frame["p_value"] = holm(p_values)
    return frame
