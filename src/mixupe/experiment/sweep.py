"""Many runs: all checked before any starts, finished ones left out, failures named, the rest handed to a launcher."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mixupe.experiment.compose import compose_all, with_recipe
from mixupe.experiment.identity import run_id
from mixupe.experiment.progress import complain, say, sweep_progress
from mixupe.experiment.run import Outcome, known_outcome, title_of
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.experiment.watch import POLL_S, watching

# Overrides for every run of a declared table that the command line gave and Hydra has not been shown. Kept here, because
# Hydra loads its plugins as modules of its own.
TABLE_OVERRIDES: list[str] = []

Launch = Callable[[Sequence[Sequence[str]]], list[Outcome]]


class SweepFailedError(Exception):
    """Some runs of a sweep did not finish; they have been named already."""


def run_sweep(
    title: str, override_lists: Sequence[Sequence[str]], launch: Launch, in_process: bool = True
) -> list[Outcome]:
    """Run what is not done.

    Args:
        title: shown beside the progress.
        override_lists: command-line overrides of each run; duplicates are run once.
        launch: runs such lists somewhere and gives their outcomes.
        in_process: whether it runs them in this process; runs elsewhere are watched through the run store.

    Returns:
        the outcome of every run asked for, in order, each once.

    Raises:
        UserError: a run's config is wrong; nothing was started.
        SweepFailedError: some runs failed; all others are done.
    """
    settings = compose_all(override_lists)
    jobs = {run_id(one): (one, with_recipe(overrides)) for one, overrides in zip(settings, override_lists, strict=True)}
    outcomes: dict[str, Outcome] = {}
    for identity, (one, _) in jobs.items():
        known = known_outcome(RunStore(one.output_root).folder(identity), title_of(one))
        if known is not None:
            outcomes[identity] = known
    missing = [identity for identity in jobs if identity not in outcomes]
    say(f"{title}: {len(jobs)} runs, {len(outcomes)} finished before, {len(missing)} to do")
    with sweep_progress(title, len(missing)) as sweep:
        while missing:
            folders = {identity: RunStore(jobs[identity][0].output_root).folder(identity) for identity in missing}
            elsewhere = (
                [] if in_process else [(title_of(jobs[identity][0]), folder) for identity, folder in folders.items()]
            )
            with watching(sweep, elsewhere):
                launched = launch([jobs[identity][1] for identity in missing])
            for identity, outcome in zip(missing, launched, strict=True):
                outcomes[identity] = replace(outcome, id=identity, title=title_of(jobs[identity][0]))
            # Another sweep at the same runs is no failure: what it is at is waited for, and taken up if it dies.
            missing = [identity for identity in missing if outcomes[identity].state == "RUNNING"]
            _wait_for_one([folders[identity] for identity in missing])
    unfinished = [outcome for outcome in outcomes.values() if outcome.state != "DONE"]
    if unfinished:
        for outcome in unfinished:
            complain(outcome.line())
        raise SweepFailedError(f"{title}: {len(unfinished)} of {len(jobs)} runs did not finish")
    return [outcomes[identity] for identity in jobs]


def _wait_for_one(folders: Sequence[RunFolder]) -> None:
    """Until one of these runs, which other processes are at, has ended; at once where there is none."""
    if folders:
        say(f"waiting for {len(folders)} run(s) that another process is at")
    while folders and all(folder.state() == "RUNNING" for folder in folders):
        time.sleep(POLL_S)
