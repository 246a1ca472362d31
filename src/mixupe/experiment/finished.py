"""A finished run, found by its id: in the run store, or by the record that a table keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixupe.errors import UserError
from mixupe.experiment.config import ID_LENGTH, parse_config
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_records, read_kept
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import Record, RunFolder, RunStore


@dataclass(frozen=True)
class FinishedRun:
    """A run that is done; `folder`, in the run store, is empty where only the record that a table keeps is left."""

    record: Record
    settings: RunSettings
    folder: RunFolder

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def about(self) -> dict[str, Any]:
        """What names it in a file of findings."""
        return {name: self.record[name] for name in ("id", "dataset", "domain", "model", "augmentation", "seed")}


def find_run(run: str, output_root: Path, results: Path) -> FinishedRun:
    """The finished run of that id.

    Args:
        run: its id or the beginning of it, as lists of runs show it.
        output_root: of the run store, looked in first.
        results: where each table has a folder with its records.

    Raises:
        UserError: there is none or several, it is not finished, or its config no longer describes it.
    """
    run = _whole_id(run, output_root, results)
    folder = RunStore(output_root).folder(run)
    record = folder.read_record() if folder.state() == "DONE" else None
    if record is None:
        record = next(filter(None, (read_kept(table, run) for table in sorted(results.glob("*/")))), None)
    if record is None:
        raise UserError(f"run: {_missing(run, folder, output_root, results)}")
    return FinishedRun(record, settings_of(folder, record["config"]), folder)


def settings_of(folder: RunFolder, config: Mapping[str, Any]) -> RunSettings:
    """The settings of a run; the run store, if it has the run, knows where the files lie, which a record does not say.

    Args:
        folder: of the run.
        config: of its record.

    Raises:
        UserError: they no longer describe the run.
    """
    settings = parse_config(folder.read_config() or config)
    if run_id(settings) != folder.id:
        raise UserError(f"run: {folder.id} was of other files than {settings.dataset.name} has now, or of other code")
    return settings


def _whole_id(beginning: str, output_root: Path, results: Path) -> str:
    """The one id that begins so; where none does, what was given."""
    if len(beginning) >= ID_LENGTH or not beginning.isalnum():
        return beginning
    found = {folder.id for folder in RunStore(output_root).beginning(beginning)}
    found |= {record["id"] for _, record in kept_records(results, beginning)}
    if len(found) > 1:
        raise UserError(f"run: {beginning!r} begins {len(found)} ids: {', '.join(sorted(found)[:5])}")
    return next(iter(found), beginning)


def _missing(run: str, folder: RunFolder, output_root: Path, results: Path) -> str:
    if "/" not in run and folder.state() != "MISSING":
        reason = folder.details().get("reason", "its command goes on with it")
        return f"{run} is {folder.state()}, not finished: {reason}"
    places = f"folders in {output_root / 'runs'}, and the records that tables keep in {results}"
    return f"{run!r} is unknown; allowed are the names of the {places}"
