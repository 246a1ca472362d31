"""Many runs: all checked before any starts, finished ones left out, failures named, the rest handed to workers."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from mixupe import preemption
from mixupe.console import complain, say, warn
from mixupe.experiment.chunks import chunks
from mixupe.experiment.compose import compose_all
from mixupe.experiment.kept import kept_record, read_kept
from mixupe.experiment.launchers import WorkerDiedError
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.progress import Sweep, sweep_progress
from mixupe.experiment.request import Request
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.experiment.titles import titles_of
from mixupe.experiment.watch import POLL_S, watching
from mixupe.files import set_aside

# Outcomes of the runs of each job that was taken, in order.
Launch = Callable[[Sequence[Sequence[Request]]], list[list[Outcome]]]
# So many runs that failed alike have a line each.
NAMED = 3


class SweepFailedError(Exception):
    """Some runs of a sweep did not finish; they have been named already."""


class SweepStoppedError(Exception):
    """A signal asked the sweep to stop; says how many runs are left."""


@dataclass(frozen=True)
class _Run(Request):
    """A run of a sweep; `table` is the folder of the table that keeps its record."""

    table: Path | None = None

    def known(self) -> Outcome | None:
        if self.table is not None:
            record = read_kept(self.table, self.folder.id)
            if record is not None:
                return Outcome(self.folder.id, self.title, "DONE", fresh=False, record=record)
            damaged = kept_record(self.table, self.folder.id)
            if damaged.exists():
                warn(f"{damaged} is damaged; taken from the run store, or run again", self.title)
                set_aside(damaged)
        return super().known()


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
        launch: runs jobs in other processes; they are watched through the run store. None runs them in this process. Runs
            that can be trained at once are one job.
        results: folder of a table, the records in which count as done wherever their runs were computed.
        workers: jobs that `launch` runs at the same time.

    Returns:
        the outcome of every run asked for, in order, each once; where a time box ended, of those that have one.

    Raises:
        UserError: a run's config is wrong, or nothing can be written; nothing was started.
        SweepFailedError: some runs failed, and have been named; or a process died.
        SweepStoppedError: a signal asked this process to stop.
    """
    runs = _runs(override_lists, results)
    outcomes = {run.folder.id: known for run in runs if (known := run.known()) is not None}
    missing = [run for run in runs if run.folder.id not in outcomes]
    say(f"{title}: {len(runs)} runs, {len(outcomes)} finished before, {len(missing)} to do")
    if missing:
        _check(missing)
    stopped: str | None = None
    with sweep_progress(title, len(missing)) as sweep:
        while missing and stopped is None:
            new = _round(title, missing, launch, sweep, workers)
            outcomes |= new
            # Another sweep at the same runs is no failure: what it is at is waited for, and taken up if it dies.
            missing = [run for run in missing if run.folder.id in new and new[run.folder.id].state == "RUNNING"]
            interrupted = [outcome.reason for outcome in new.values() if outcome.state == "INTERRUPTED"]
            stopped = preemption.reason() or next(iter(interrupted), None)
            if stopped is None:
                _wait_for_one([run.folder for run in missing])
    return _account(title, [run.folder.id for run in runs], outcomes, stopped)


def _check(missing: Sequence[_Run]) -> None:
    """What can be wrong before any of these runs starts, and what its owner should know."""
    from mixupe.experiment.run import warn_of_slow_precision  # which needs torch
    from mixupe.experiment.wandb_environment import check_logger

    for run in missing:
        check_logger(run.settings.logger)
    for root in {run.settings.output_root for run in missing}:
        RunStore(root).check_writable()
    for run in missing:
        warn_of_slow_precision(run.settings)


def _runs(override_lists: Sequence[Sequence[str]], results: Path | None) -> list[_Run]:
    """Each run once, with a title by which it is told from the others."""
    requests = {request.folder.id: request for request in map(Request.of, compose_all(override_lists))}
    titles = titles_of([request.settings for request in requests.values()], list(requests))
    return [
        _Run(request.settings, request.folder, title, results)
        for request, title in zip(requests.values(), titles, strict=True)
    ]


def _round(title: str, runs: Sequence[_Run], launch: Launch | None, sweep: Sweep, workers: int) -> dict[str, Outcome]:
    """Outcomes by run id, of the runs that were begun or found done. A process that dies fails the runs it was at alone.

    Raises:
        SweepFailedError: a process died before any run was begun.
    """
    outcomes: dict[str, Outcome] = {}
    left = list(runs)
    while left:
        started, death = time.time(), ""
        jobs = chunks(left, lambda run: run.settings, workers)
        try:
            with watching(sweep.ended, left) if launch is not None else nullcontext():
                ended = _run_here(jobs, sweep) if launch is None else launch(jobs)
        except WorkerDiedError as error:
            ended, death = [], str(error)
        outcomes |= {outcome.id: outcome for job in ended for outcome in job}
        others = [run for run in left if run.folder.id not in outcomes]
        outcomes |= {run.folder.id: known for run in others if (known := run.known()) is not None}
        if not death:
            break
        before, left = left, [run for run in left if run.folder.id not in outcomes]
        begun = [run for run in left if run.folder.state() == "INTERRUPTED"]
        victims = [run for run in begun if run.folder.details().get("heartbeat", 0.0) >= started]
        if not victims and left == before:
            raise SweepFailedError(f"{title}: no run could be begun ({death}); {len(left)} of {len(runs)} left")
        reason = f"its process died ({death}); asked for again, the run goes on"
        for run in victims:
            outcomes[run.folder.id] = Outcome(run.folder.id, run.title, "FAILED", fresh=True, reason=reason)
        sweep.ended([outcomes[run.folder.id].line() for run in victims])
        left = [run for run in left if run not in victims]
    return outcomes


def _run_here(jobs: Sequence[Sequence[_Run]], sweep: Sweep) -> list[list[Outcome]]:
    """Outcomes of jobs run in this process. Runs that others are at are counted as soon as it is seen that they ended:
    without them, each of two sweeps at one table would expect to be twice as long.
    """
    from mixupe.experiment.run import run_all  # which needs torch

    ended: list[list[Outcome]] = []
    elsewhere: dict[str, _Run] = {}
    found: dict[str, Outcome] = {}
    for job in preemption.UntilStopped(jobs):
        ended.append(run_all(job, sweep))
        elsewhere |= {run.folder.id: run for run, its in zip(job, ended[-1], strict=True) if its.state == "RUNNING"}
        new = {identity: known for identity, run in elsewhere.items() if (known := run.known()) is not None}
        sweep.ended([outcome.line() for outcome in new.values()])
        elsewhere = {identity: run for identity, run in elsewhere.items() if identity not in new}
        found |= new
    return [[found.get(outcome.id, outcome) for outcome in outcomes] for outcomes in ended]


def _account(title: str, ids: Sequence[str], outcomes: dict[str, Outcome], stopped: str | None) -> list[Outcome]:
    """Name what failed and what is left; `stopped` says by what the sweep was stopped, if it was."""
    failed = [outcome for outcome in outcomes.values() if outcome.state in ("FAILED", "REFUSED")]
    done = [outcome for identity in ids if (outcome := outcomes.get(identity)) and outcome.state == "DONE"]
    _name(failed)
    left = len(ids) - len(done) - len(failed)
    if stopped is not None and left:
        line = f"{left} of {len(ids)} runs left; the same command goes on"
        if not stopped.startswith(preemption.TIME_IS_OVER):
            raise SweepStoppedError(f"{title}: stopped by {stopped.split()[0]}, {line}")
        say(f"{title}: {preemption.TIME_IS_OVER}, {line}")
    if failed:
        raise SweepFailedError(f"{title}: {len(failed)} of {len(ids)} runs did not finish")
    return done


def _name(failed: Sequence[Outcome]) -> None:
    """A line each; of many that failed alike, as all do on a data set that is not there, the first and how many more."""
    alike: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in failed:
        alike.setdefault((outcome.state, outcome.reason), []).append(outcome)
    for outcomes in alike.values():
        shown = outcomes if len(outcomes) <= NAMED else outcomes[:1]
        for outcome in shown:
            complain(outcome.line())
        if len(outcomes) > len(shown):
            complain(f"{len(outcomes) - 1} more runs: the same, from {outcomes[1].title} to {outcomes[-1].title}")


def _wait_for_one(folders: Sequence[RunFolder]) -> None:
    """Until one of these runs, which other processes are at, has ended, or there is no more time; at once for none."""
    if folders:
        say(f"waiting for {len(folders)} run(s) that another process is at")
    while folders and preemption.reason() is None and all(folder.state() == "RUNNING" for folder in folders):
        time.sleep(POLL_S)
