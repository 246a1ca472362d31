"""Many runs: all checked before any starts, finished ones left out, failures named, the rest handed to a launcher."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixupe import stopping
from mixupe.experiment.chunks import as_job, chunks
from mixupe.experiment.compose import compose_all
from mixupe.experiment.config import RunSettings
from mixupe.experiment.identity import run_id
from mixupe.experiment.launchers import WorkerDiedError
from mixupe.experiment.outcome import Outcome, known_outcome, title_of
from mixupe.experiment.progress import Sweep, complain, say, sweep_progress
from mixupe.experiment.store import RunFolder, RunStore, kept_record, read_record
from mixupe.experiment.watch import POLL_S, watching
from mixupe.files import set_aside

# Overrides for every run of a declared table that the command line gave and Hydra has not been shown. Kept here, because
# Hydra loads its plugins as modules of its own.
TABLE_OVERRIDES: list[str] = []

Launch = Callable[[Sequence[Sequence[str]]], list[Outcome]]


class SweepFailedError(Exception):
    """Some runs of a sweep did not finish; they have been named already."""


class SweepStoppedError(Exception):
    """A signal asked the sweep to stop; says how many runs are left."""


@dataclass(frozen=True)
class _Job:
    """A run of a sweep; `kept` is where a table keeps its record."""

    settings: RunSettings
    title: str
    folder: RunFolder
    kept: Path | None

    def known(self) -> Outcome | None:
        if self.kept is not None and self.kept.exists():
            record = read_record(self.kept, self.folder.id)
            if record is not None:
                return Outcome(self.folder.id, self.title, "DONE", fresh=False, record=record)
            say(f"{self.title}: warning: {self.kept} is damaged; taken from the run store, or run again")
            set_aside(self.kept)
        return known_outcome(self.folder, self.title)


def run_sweep(
    title: str,
    override_lists: Sequence[Sequence[str]],
    launch: Launch | None = None,
    results: Path | None = None,
    workers: int = 1,
) -> list[Outcome]:
    """Run what is not done.

    Args:
        title: shown beside the progress.
        override_lists: command-line overrides of each run; duplicates are run once.
        launch: runs such lists in other processes, taking them one by one, and gives the outcomes of those it took; they
            are watched through the run store. None runs them in this process. Runs that can be trained at once are one job.
        results: folder of a table, the records in which count as done wherever their runs were computed.
        workers: jobs that `launch` runs at the same time.

    Returns:
        the outcome of every run asked for, in order, each once; where a time box ended, of those that have one.

    Raises:
        UserError: a run's config is wrong, or nothing can be written; nothing was started.
        SweepFailedError: some runs failed, and have been named; or a process died.
        SweepStoppedError: a signal asked this process to stop.
    """
    jobs: dict[str, _Job] = {}
    for settings in compose_all(override_lists):
        folder = RunStore(settings.output_root).folder(run_id(settings))
        kept = None if results is None else kept_record(results, folder.id)
        jobs[folder.id] = _Job(settings, title_of(settings), folder, kept)
    outcomes = {identity: known for identity, job in jobs.items() if (known := job.known()) is not None}
    missing = [job for identity, job in jobs.items() if identity not in outcomes]
    say(f"{title}: {len(jobs)} runs, {len(outcomes)} finished before, {len(missing)} to do")
    if missing:
        _check(missing)
    stopped: str | None = None
    with sweep_progress(title, len(missing)) as sweep:
        while missing and stopped is None:
            new = _run_here(missing) if launch is None else _run_elsewhere(title, missing, launch, sweep, workers)
            outcomes |= new
            # Another sweep at the same runs is no failure: what it is at is waited for, and taken up if it dies.
            missing = [job for job in missing if job.folder.id in new and new[job.folder.id].state == "RUNNING"]
            interrupted = [outcome.reason for outcome in new.values() if outcome.state == "INTERRUPTED"]
            stopped = stopping.reason() or next(iter(interrupted), None)
            if stopped is None:
                _wait_for_one([job.folder for job in missing])
    return _account(title, jobs, outcomes, stopped)


def _check(missing: Sequence[_Job]) -> None:
    """What can be wrong before any of these runs starts, and what its owner should know."""
    from mixupe.experiment.run import warn_of_slow_precision  # which needs torch
    from mixupe.experiment.wandb_environment import check_logger

    for job in missing:
        check_logger(job.settings.logger)
    for root in {job.settings.output_root for job in missing}:
        RunStore(root).check_writable()
    for job in missing:
        warn_of_slow_precision(job.settings)


def _run_here(jobs: Sequence[_Job]) -> dict[str, Outcome]:
    from mixupe.experiment.stack import attempt_runs  # which needs torch

    outcomes: dict[str, Outcome] = {}
    for chunk in stopping.UntilStopped(chunks(jobs, lambda job: job.settings, workers=1)):
        ended = attempt_runs([job.settings for job in chunk])
        outcomes |= {job.folder.id: _named(outcome, job) for job, outcome in zip(chunk, ended, strict=True)}
    return outcomes


def _named(outcome: Outcome, job: _Job) -> Outcome:
    return replace(outcome, id=job.folder.id, title=job.title)


def _run_elsewhere(title: str, jobs: Sequence[_Job], launch: Launch, sweep: Sweep, workers: int) -> dict[str, Outcome]:
    """Outcomes by run id, of the runs that were begun or found done. A process that dies fails the runs it was at alone.

    Raises:
        SweepFailedError: a process died before any run was begun.
    """
    outcomes: dict[str, Outcome] = {}
    left = list(jobs)
    while left:
        started, death = time.time(), ""
        parts = chunks(left, lambda job: job.settings, workers)
        try:
            with watching(sweep, [(job.title, job.folder) for job in left]):
                launched = launch(stopping.UntilStopped([as_job([job.settings for job in part]) for part in parts]))
        except WorkerDiedError as error:
            launched, death = [], str(error)
        outcomes |= {job.folder.id: known for job in left if (known := job.known()) is not None}
        for part, outcome in zip(parts, launched, strict=False):
            if outcome.members or len(part) == 1:
                ended = zip(part, outcome.members or (outcome,), strict=True)
                outcomes |= {job.folder.id: _named(one, job) for job, one in ended}
            else:  # the job itself failed; what it had done by then is known
                outcomes |= {job.folder.id: _named(outcome, job) for job in part if job.folder.id not in outcomes}
        if not death:
            break
        before, left = left, [job for job in left if job.folder.id not in outcomes]
        begun = [job for job in left if job.folder.state() == "INTERRUPTED"]
        victims = [job for job in begun if job.folder.details().get("heartbeat", 0.0) >= started]
        if not victims and left == before:
            raise SweepFailedError(f"{title}: no run could be begun ({death}); {len(left)} of {len(jobs)} left")
        reason = f"its process died ({death}); asked for again, the run goes on"
        for job in victims:
            outcomes[job.folder.id] = Outcome(job.folder.id, job.title, "FAILED", fresh=True, reason=reason)
        sweep.lines([outcomes[job.folder.id].line() for job in victims])
        left = [job for job in left if job not in victims]
    return outcomes


def _account(title: str, jobs: dict[str, _Job], outcomes: dict[str, Outcome], stopped: str | None) -> list[Outcome]:
    """Name what failed and what is left; `stopped` says by what the sweep was stopped, if it was."""
    failed = [outcome for outcome in outcomes.values() if outcome.state in ("FAILED", "REFUSED")]
    done = [outcome for identity in jobs if (outcome := outcomes.get(identity)) and outcome.state == "DONE"]
    for outcome in failed:
        complain(outcome.line())
    left = len(jobs) - len(done) - len(failed)
    if stopped is not None and left:
        line = f"{left} of {len(jobs)} runs left; the same command goes on"
        if not stopped.startswith(stopping.TIME_IS_OVER):
            raise SweepStoppedError(f"{title}: stopped by {stopped.split()[0]}, {line}")
        say(f"{title}: {stopping.TIME_IS_OVER}, {line}")
    if failed:
        raise SweepFailedError(f"{title}: {len(failed)} of {len(jobs)} runs did not finish")
    return done


def _wait_for_one(folders: Sequence[RunFolder]) -> None:
    """Until one of these runs, which other processes are at, has ended, or there is no more time; at once for none."""
    if folders:
        say(f"waiting for {len(folders)} run(s) that another process is at")
    while folders and stopping.reason() is None and all(folder.state() == "RUNNING" for folder in folders):
        time.sleep(POLL_S)
