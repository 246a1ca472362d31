"""From a declared table to its records."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mixupe.augmentation.settings import AugmentationSettings
from mixupe.console import warn_once
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_all
from mixupe.experiment.identity import run_ids
from mixupe.experiment.kept import keep, kept_record, read_kept
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import Record, RunStore
from mixupe.tables.manifest import Table

T = TypeVar("T")
K = TypeVar("K")


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """The items of each key, keys and items in the order in which they come."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


@dataclass(frozen=True)
class DeclaredRun:
    """A run of a table, whether or not it has been run.

    Attributes:
        cell: its number in the table.
        label: of the cell; empty where data set and model are enough.
        method: name of what it runs; of the table's column, unless the table selects.
        state: DONE where `record` is there, else the run store's.
        reason: why a FAILED run failed.
        column, setting: as of `manifest.Method`.
    """

    cell: int
    label: str
    method: str
    settings: RunSettings
    state: str
    record: Record | None
    reason: str = ""
    column: str = ""
    setting: str = ""

    @property
    def names(self) -> dict[str, str]:
        """The columns by which a row of a table is known."""
        return {
            "dataset": " ".join(filter(None, [self.settings.dataset.name, self.label])),
            "model": self.settings.model.name,
            "augmentation": self.method,
        }


def titles(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(data set, model) of each cell -> the data set, with the model where that alone tells it from another cell."""
    pairs = dict.fromkeys(names)
    models = Counter(dataset for dataset, _ in pairs)
    return {(dataset, model): f"{dataset} {model}" if models[dataset] > 1 else dataset for dataset, model in pairs}


def option_of(settings: AugmentationSettings) -> str:
    """What competes for one choice: `mixup`, `mixupe v3`, ..."""
    variant = getattr(settings, "variant", None)
    return settings.name if variant is None else f"{settings.name} {variant}"


def declared_runs(table: Table, folder: Path, extra: Sequence[str] = ()) -> list[DeclaredRun]:
    """Every run of the table with its record, from `folder` or else from the run store; writes nothing.

    Only the declared identities are looked up, so records of other configs never leak into a table.

    Raises:
        UserError: a record in `folder` is damaged and the run store does not have it.
    """
    runs = []
    for number, (cell, methods) in enumerate(table.methods_by_cell()):
        for method in methods:
            repeated = compose_all(table.seed_lists(cell, method, extra))
            for settings, identity in zip(repeated, run_ids(repeated), strict=True):
                state, record, reason = _look_up(identity, settings.output_root, folder)
                names = {"column": method.column, "setting": method.setting}
                runs.append(DeclaredRun(number, cell.label, method.name, settings, state, record, reason, **names))
    return runs


def _look_up(identity: str, output_root: Path, folder: Path) -> tuple[str, Record | None, str]:
    """State, record and reason of failure of one run."""
    kept = kept_record(folder, identity)
    record = read_kept(folder, identity)
    if record is not None:
        return "DONE", record, ""
    stored = RunStore(output_root).folder(identity)
    state = stored.state()
    record = stored.read_record() if state == "DONE" else None
    if kept.exists():
        if record is None:
            raise UserError(
                f"{kept} is damaged: no record of run {identity}; restore it, or remove it to run that again"
            )
        warn_once(f"{kept} is damaged; its record is taken from {stored.path}")
    elif state != "RUNNING":
        for path, problem in stored.damage().items():
            warn_once(f"{path.parent}: {problem}; asked for again, the run is mended")
    return state, record, stored.details().get("reason", "") if state == "FAILED" else ""


def keep_records(table: Table, runs: Sequence[DeclaredRun], folder: Path) -> None:
    """Copy the records that only the run store has into `folder`, from which the table can always be rebuilt."""
    keep(folder, [run.record for run in runs if run.record is not None], table.packed)


def errors_by_seed(runs: Sequence[DeclaredRun], metric: str = "test_error") -> dict[tuple[int, str], dict[int, float]]:
    """(cell, method) -> seed -> error in percent, in the table's order; empty where there is no record."""
    errors: dict[tuple[int, str], dict[int, float]] = {}
    for run in runs:
        by_seed = errors.setdefault((run.cell, run.method), {})
        if run.record is not None:
            by_seed[run.settings.seed] = float(run.record["metrics"][metric])
    return errors
