"""A run that is asked for, and the file by which a job of several travels to a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixupe.experiment.config import parse_config
from mixupe.experiment.identity import run_id
from mixupe.experiment.outcome import Outcome, known_outcome
from mixupe.experiment.record import config_of
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.experiment.titles import title_of
from mixupe.files import read_json, write_json


@dataclass(frozen=True)
class Request:
    """A run that is asked for: its settings, its folder in the run store, and its name in what a person reads."""

    settings: RunSettings
    folder: RunFolder
    title: str

    @classmethod
    def of(cls, settings: RunSettings, title: str | None = None) -> "Request":
        folder = RunStore(settings.output_root).folder(run_id(settings))
        return cls(settings, folder, title_of(settings) if title is None else title)

    def known(self) -> Outcome | None:
        """See `known_outcome`."""
        return known_outcome(self.folder, self.title)


def write_job(path: Path, job: Sequence[Request]) -> None:
    """What `read_job` reads. So what a job computes is settled when the sweep starts: a config file that is edited while
    the job waits for its turn does not change it; where files of the user's own are edited, `prepare` refuses the run.
    """
    entries = ((request, config_of(request.settings)) for request in job)
    write_json(path, [{"id": run.folder.id, "title": run.title, "config": config} for run, config in entries])


def read_job(path: Path) -> list[Request]:
    entries = ((entry, parse_config(entry["config"])) for entry in read_json(path))
    return [Request(run, RunStore(run.output_root).folder(entry["id"]), entry["title"]) for entry, run in entries]
