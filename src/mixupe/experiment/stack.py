"""Several runs trained at once: each is found, claimed, recorded and mirrored as if it had been alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import fmean

from mixupe import stopping
from mixupe.experiment.config import RunSettings
from mixupe.experiment.identity import run_id
from mixupe.experiment.outcome import Outcome, ended_by, known_outcome, refused, title_of
from mixupe.experiment.progress import report_runs, run_progress, say_once
from mixupe.experiment.run import PreparedRun, attempt_run, keep_record, prepare
from mixupe.experiment.store import AlreadyRunningError, RunFolder, RunStore
from mixupe.experiment.wandb_environment import check_logger
from mixupe.experiment.wandb_mirror import mirror
from mixupe.settings import UserError
from mixupe.training.loop import EpochMetrics
from mixupe.training.stackable import alone_by_model
from mixupe.training.stacked import Stack, shapes_of


def attempt_runs(settings: Sequence[RunSettings]) -> list[Outcome]:
    """The outcome of each run of a job of a sweep, computed at most once; several runs are trained at once.

    Runs that turn out to be at work elsewhere, done, refused or diverged are left out, and the others go on. What cannot
    be stacked after all is trained alone.
    """
    if len(settings) == 1:
        return [attempt_run(settings[0], in_sweep=True)]
    outcomes: dict[int, Outcome] = {}
    with ExitStack() as claims:
        members = []
        for index, one in enumerate(settings):
            entered = _entered(index, one, claims)
            if isinstance(entered, _Member):
                members.append(entered)
            elif entered is not None:
                outcomes[index] = entered
                _report([entered])
        for group in _groups(members):
            if len(group) == 1:
                group[0].claim.close()
            else:
                ended = _trained(group)
                outcomes |= ended
                _report(list(ended.values()))
    return [
        outcomes[index] if index in outcomes else attempt_run(one, in_sweep=True) for index, one in enumerate(settings)
    ]


def as_one(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a job that was these runs."""
    told = next((one for one in outcomes if one.state == "INTERRUPTED"), outcomes[0])
    return Outcome("", "stack", told.state, fresh=True, reason=told.reason, members=tuple(outcomes))


@dataclass
class _Member:
    """A run of a stack.

    Attributes:
        index: its place among the runs asked for.
        claim: of its folder; closed when the run has ended.
        seconds: what it has taken: what it did by itself, and its share of what was done for several at once.
    """

    index: int
    run: PreparedRun
    claim: ExitStack
    seconds: float

    @contextmanager
    def clock(self) -> Iterator[None]:
        """The time of the block is this run's."""
        began = time.time()
        try:
            yield
        finally:
            self.seconds += time.time() - began


def _entered(index: int, settings: RunSettings, claims: ExitStack) -> _Member | Outcome | None:
    """The run ready to be trained, its outcome where it has one, or None where it is trained alone."""
    folder = RunStore(settings.output_root).folder(run_id(settings))
    title = title_of(settings)
    asked_to_stop = stopping.reason()
    if asked_to_stop is not None:
        return Outcome(folder.id, title, "INTERRUPTED", fresh=False, reason=asked_to_stop)
    claim = claims.enter_context(ExitStack())
    try:
        claim.enter_context(folder.claimed())
    except AlreadyRunningError as error:
        return Outcome(folder.id, title, "RUNNING", fresh=False, reason=str(error))
    except OSError as error:
        return Outcome(folder.id, title, "FAILED", fresh=False, reason=f"{type(error).__name__}: {error}")
    outcome = known_outcome(folder, title)
    if outcome is not None:
        claim.close()
        return outcome
    try:
        check_logger(settings.logger)
        run = prepare(folder, settings, title)
    except Exception as error:
        claim.close()
        return _outcome_of(error, folder, title)
    reason = alone_by_model(run.trainer)
    if reason is not None:
        say_once(f"{settings.dataset.name} {settings.model.name}: trained one by one: {reason}")
        claim.close()
        return None
    return _Member(index, run, claim, run.seconds())


def _groups(members: Sequence[_Member]) -> list[list[_Member]]:
    """Members that can be stacked: equally many steps an epoch, parameters of equal shapes."""
    groups: dict[tuple[object, ...], list[_Member]] = {}
    for member in members:
        groups.setdefault(shapes_of(member.run.trainer), []).append(member)
    return list(groups.values())


def _trained(members: Sequence[_Member]) -> dict[int, Outcome]:
    """The outcomes of these runs, by index. Those behind, after a kill, are trained up to the others first."""
    settings = members[0].run.settings
    epochs = settings.trainer.epochs
    outcomes: dict[int, Outcome] = {}
    left = list(members)
    title = f"{settings.dataset.name} {settings.model.name} {settings.augmentation.name}, {len(members)} runs"
    try:
        with run_progress(title, epochs, min(one.run.trainer.epoch for one in left), in_sweep=True) as bar:
            while behind := [one for one in left if one.run.trainer.epoch < epochs]:
                epoch = min(one.run.trainer.epoch for one in behind)
                now = [one for one in behind if one.run.trainer.epoch == epoch]
                until = min([one.run.trainer.epoch for one in behind if one not in now], default=epochs)
                for member, error in _train_together(now, until, bar.epoch):
                    outcomes[member.index] = _diverged(member, error)
                    left.remove(member)
    except Exception as error:
        return outcomes | {one.index: _end(one, _outcome_of(error, one.run.folder, one.run.title)) for one in left}
    return outcomes | {one.index: _finished(one, len(members)) for one in left}


def _train_together(
    members: Sequence[_Member], until: int, show: Callable[[int, EpochMetrics], None]
) -> list[tuple[_Member, Exception]]:
    """Train these up to an epoch, or until some diverge: which, and how."""
    settings = members[0].run.settings
    mark = time.time()

    def share() -> None:
        nonlocal mark
        now = time.time()
        for member in members:
            member.seconds += (now - mark) / len(members)
        mark = now

    def on_epoch(epoch: int, metrics: dict[int, EpochMetrics]) -> None:
        share()
        for number, of_run in metrics.items():
            members[number].run.log.append(epoch, {**of_run, "seconds": members[number].seconds})
            members[number].run.folder.heartbeat()
        if metrics:
            show(epoch, {name: fmean(one[name] for one in metrics.values()) for name in next(iter(metrics.values()))})

    def before_save() -> None:
        for member in members:
            member.run.log.sync()

    stack = Stack([member.run.trainer for member in members], settings.optimizer, settings.scheduler)
    diverged = stack.fit(until, on_epoch, before_save, lambda: [member.seconds for member in members])
    share()
    return [(members[number], error) for number, error in diverged.items()]


def _finished(member: _Member, stacked: int) -> Outcome:
    """Test, mirror and record a run that has been trained."""
    run = member.run
    try:
        with member.clock():
            metrics = run.trainer.test()
            # W&B takes one run a process at a time, so each is mirrored as a whole, when it is over.
            with mirror(run.settings, run.log.rows()) as wandb_mirror:
                wandb_mirror.summary(metrics)
                wandb_mirror.explain(run.data, run.trainer.outputs)
        record = keep_record(run, metrics, member.seconds, stacked=stacked)
    except Exception as error:
        return _end(member, _outcome_of(error, run.folder, run.title))
    return _end(member, Outcome(run.folder.id, run.title, "DONE", fresh=True, record=record))


def _diverged(member: _Member, error: Exception) -> Outcome:
    run = member.run
    try:
        with mirror(run.settings, run.log.rows()):
            raise error
    except Exception as caught:
        return _end(member, _outcome_of(caught, run.folder, run.title))


def _outcome_of(error: Exception, folder: RunFolder, title: str) -> Outcome:
    try:
        return ended_by(error, folder, title)
    except UserError as refusal:
        return refused(refusal)


def _end(member: _Member, outcome: Outcome) -> Outcome:
    member.claim.close()
    return outcome


def _report(outcomes: Sequence[Outcome]) -> None:
    # A sweep comes back to a run that another process is at, and says itself what it leaves.
    report_runs([one.line() for one in outcomes if one.state in ("DONE", "FAILED")], in_sweep=True)
