"""All runs there are: those of the run store, and those of which a table keeps the record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mixupe.errors import UserError
from mixupe.experiment import titles
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_records
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import Record, RunFolder, RunStore


@dataclass(frozen=True)
class StoredRun:
    """A run in any state, from the run store or a table's records.

    Attributes:
        id: of the run.
        state: DONE, RUNNING, INTERRUPTED or FAILED.
        config: as it was written; empty where a run came to no config.
        record: of a finished run.
        folder: in the run store; of a run of which only a record is left, a folder that is not there.
        table: that keeps its record; else the one it was run for; empty for none.
        reason: why it failed; empty otherwise.
    """

    id: str
    state: str
    config: Mapping[str, Any]
    record: Record | None
    folder: RunFolder
    table: str
    reason: str = ""

    @cached_property
    def flat(self) -> dict[str, Any]:
        """The config as `augmentation.alpha` -> 0.5, without places and facts for people."""
        return titles.flat(self.config)

    @property
    def names(self) -> tuple[str, str, str]:
        """Data set, model and augmentation."""
        return titles.names(self.flat)

    @property
    def finished(self) -> float:
        """Seconds since 1970; of a run that is not done, when it was last alive, 0 where nothing says."""
        if self.record is not None:
            return float(self.record["timing"]["finished"])
        return float(self.folder.details().get("heartbeat", 0.0))


def stored_runs(output_root: Path, results: Path) -> list[StoredRun]:
    """Every run, the latest last; one that the store and a table have is the store's.

    Args:
        output_root: its `runs` is the run store.
        results: holds one folder a table, which may keep records.
    """
    runs: dict[str, StoredRun] = {}
    for table, record in kept_records(results):
        runs[record["id"]] = _of_record(record, output_root, table.name)
    store = RunStore(output_root).runs
    for place in sorted(store.iterdir()) if store.is_dir() else ():
        stored = _of_folder(RunFolder(place))
        if stored is not None:
            runs[place.name] = stored
    return sorted(runs.values(), key=lambda run: run.finished)


def one_run(beginning: str, output_root: Path, results: Path) -> StoredRun:
    """The run whose id begins so.

    Raises:
        UserError: none does, or several do.
    """
    found: dict[str, StoredRun] = {}
    if beginning.isalnum():
        for table, record in kept_records(results, beginning):
            found[record["id"]] = _of_record(record, output_root, table.name)
        for folder in RunStore(output_root).beginning(beginning):
            stored = _of_folder(folder)
            if stored is not None:
                found[folder.id] = stored
    if not found:
        raise UserError(f"run: {beginning!r} begins no id in {output_root / 'runs'} or {results}")
    if len(found) > 1:
        raise UserError(f"run: {beginning!r} begins {len(found)} ids: {', '.join(list(found)[:5])}")
    return next(iter(found.values()))


def finished_runs(settings: Iterable[RunSettings]) -> list[StoredRun]:
    """Those of these runs that are done, each once."""
    found: dict[str, StoredRun] = {}
    for run_settings in settings:
        record = RunStore(run_settings.output_root).folder(run_id(run_settings)).read_record()
        if record is not None:
            found[record["id"]] = _of_record(record, run_settings.output_root)
    return list(found.values())


def _of_record(record: Record, output_root: Path, table: str = "") -> StoredRun:
    folder = RunStore(output_root).folder(record["id"])
    return StoredRun(folder.id, "DONE", record["config"], record, folder, table)


def _of_folder(folder: RunFolder) -> StoredRun | None:
    state = folder.state()
    record = folder.read_record() if state == "DONE" else None
    config = folder.read_config() if record is None else record["config"]
    if state == "MISSING":
        return None
    table = str((config.get("logger") or {}).get("job_type") or "")
    return StoredRun(folder.id, state, config, record, folder, table, str(folder.details().get("reason", "")))
