"""The one way of a run to its record: claim, prepare, fit, record.

It is found if it is done, resumed if it was killed, begun otherwise. Runs that differ in little are fitted at once; one run
may be fitted by several processes (torchrun), of which the main one claims, writes and talks.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import fmean
from typing import Any, NoReturn

import torch

from mixupe import preemption
from mixupe.console import say, say_once, warn_once
from mixupe.errors import UserError
from mixupe.experiment.initial import longer_note
from mixupe.experiment.metrics_log import Row
from mixupe.experiment.model_file import write_model
from mixupe.experiment.outcome import Outcome, ended_by, record_failure, refused
from mixupe.experiment.predictions import predictions_of, write_predictions
from mixupe.experiment.prepare import PreparedRun, prepare
from mixupe.experiment.progress import Display, OneRun, Quiet
from mixupe.experiment.record import build_record
from mixupe.experiment.request import Request
from mixupe.experiment.rules import check_processes
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import AlreadyRunningError, RunStore
from mixupe.experiment.wandb_environment import check_logger
from mixupe.experiment.wandb_logger import RunLogger, run_logger
from mixupe.files import SYNC_EVERY_S, previous, write_json
from mixupe.training.distributed import ALONE, World, joined, raised_in_all
from mixupe.training.loop import EpochMetrics, NonFiniteLossError
from mixupe.training.precision import slow_bf16
from mixupe.training.stackable import alone_by_model
from mixupe.training.trainer import resolve_device
from mixupe.training.vmapped import Stack, shapes_of


def request_run(settings: RunSettings) -> Outcome:
    """The outcome of that run, computed at most once; in each of the processes that torchrun started, if it did.

    Raises:
        UserError: the data is not there or the settings do not fit it, the output folder cannot be written to, or the
            logger cannot work; nothing is left behind.
    """
    request = Request.of(settings)
    with joined(resolve_device(settings.trainer.device)) as world:
        if world.on_main_process(request.known) is None:
            warn_of_slow_precision(settings)
            if (note := longer_note(settings)) is not None:
                say(note)
        (outcome,) = run_all([request], OneRun() if world.is_main_process else Quiet(), world)
    if outcome.state == "REFUSED":
        raise UserError(outcome.reason)
    if outcome.state in ("RUNNING", "INTERRUPTED"):
        say(outcome.line())
    return outcome


def warn_of_slow_precision(settings: RunSettings) -> None:
    """Say, once a process, that this machine emulates the precision asked for. It is kept: it is part of the identity."""
    device = resolve_device(settings.trainer.device)
    if settings.trainer.precision == "bf16" and (device.type == "cpu" or torch.cuda.is_available()):
        slow = slow_bf16(device)
        if slow is not None:
            warn_once(f"trainer.precision=bf16 is {slow}, which has no instructions for it")


def run_all(requests: Sequence[Request], display: Display, world: World = ALONE) -> list[Outcome]:
    """The outcome of each of these runs, computed at most once; never raises for a run that fails.

    Those that can be stacked are fitted at once. Runs that turn out to be done, at work elsewhere or refused are left out,
    one that diverges is left behind, and the others go on.

    Args:
        requests: of different runs.
        display: is told of runs that are done or have failed.
        world: the processes that fit a single run.
    """
    outcomes: dict[str, Outcome] = {}
    clock = _Clock()

    def end(ended: Sequence[Outcome]) -> None:
        outcomes.update({outcome.id: outcome for outcome in ended})
        display.ended([outcome.line() for outcome in ended if outcome.state in ("DONE", "FAILED")])

    with ExitStack() as claims:
        stacks: dict[object, list[PreparedRun]] = {}
        for request in requests:
            run = _claimed(request, claims.enter_context(ExitStack()), world)
            clock.charge([run] if isinstance(run, PreparedRun) else [])
            if isinstance(run, Outcome):
                end([run])
            elif len(requests) == 1 or not _is_stackable(run):
                end([_fit(run, display, clock, world)])
            else:
                stacks.setdefault(shapes_of(run.trainer), []).append(run)
        for runs in stacks.values():
            end(_fit_stack(runs, display, clock) if len(runs) > 1 else [_fit(runs[0], display, clock)])
    return [outcomes[request.folder.id] for request in requests]


class _Clock:
    """Adds the time that passes to the runs that spend it, in equal shares."""

    def __init__(self) -> None:
        self._mark = time.time()

    def charge(self, runs: Sequence[PreparedRun]) -> None:
        """The time since the last call was spent by these runs."""
        now = time.time()
        for run in runs:
            run.seconds += (now - self._mark) / len(runs)
        self._mark = now


def _claimed(request: Request, claim: ExitStack, world: World) -> PreparedRun | Outcome:
    """The run ready to be trained, or its outcome where there is nothing to train."""
    settings, folder, title = request.settings, request.folder, request.title
    known = world.on_main_process(request.known)
    if known is not None:
        return known
    asked_to_stop = world.on_main_process(preemption.reason)
    if asked_to_stop is not None:
        return Outcome(folder.id, title, "INTERRUPTED", fresh=False, reason=asked_to_stop)
    try:
        check_processes(settings, world.size)
        check_logger(settings.logger)
        world.on_main_process(RunStore(settings.output_root).check_writable)
        world.on_main_process(lambda: claim.enter_context(folder.claimed()))
    except UserError as error:
        return refused(folder, title, error)
    except AlreadyRunningError as error:
        return Outcome(folder.id, title, "RUNNING", fresh=False, reason=str(error))
    except OSError as error:
        return Outcome(folder.id, title, "FAILED", fresh=False, reason=f"{type(error).__name__}: {error}")
    try:
        # Another process may have finished it while this one looked.
        known = world.on_main_process(request.known)
        if known is None:
            return world.agreed(lambda: prepare(request, claim, world))
    except Exception as error:
        known = _ended(request, error, world)
    claim.close()
    return known


def _is_stackable(run: PreparedRun) -> bool:
    reason = alone_by_model(run.trainer)
    if reason is not None:
        say_once(f"{run.settings.dataset.name} {run.settings.model.name}: trained one by one: {reason}")
    return reason is None


def _fit(run: PreparedRun, display: Display, clock: _Clock, world: World = ALONE) -> Outcome:
    """Fit one run, in one process or several, and record it."""
    epochs, trainer = run.settings.trainer.epochs, run.trainer
    try:
        with _logged_run(run, world) as wandb, display.run(run.request.title, epochs, trainer.epoch) as bar:

            def on_epoch(epoch: int, metrics: EpochMetrics) -> None:
                clock.charge([run])
                wandb.log(run.add_epoch(epoch, metrics))
                bar.epoch(epoch, metrics)

            trainer.fit(on_epoch, run.log.sync)
            return _recorded(run, wandb, clock, world)
    except Exception as error:
        return _ended(run.request, error, world, run.started)
    finally:
        run.claim.close()


def _fit_stack(runs: Sequence[PreparedRun], display: Display, clock: _Clock) -> list[Outcome]:
    """Fit several runs at once and record each. Those behind, after a kill, are trained up to the others first."""
    settings = runs[0].settings
    epochs = settings.trainer.epochs
    left = list(runs)
    outcomes: list[Outcome] = []
    title = f"{settings.dataset.name} {settings.model.name} {settings.augmentation.name}, {len(runs)} runs"
    try:
        with display.run(title, epochs, min(run.trainer.epoch for run in runs)) as bar:
            while (epoch := min((run.trainer.epoch for run in left), default=epochs)) < epochs:
                now = [run for run in left if run.trainer.epoch == epoch]
                until = min((run.trainer.epoch for run in left if run not in now), default=epochs)
                for run, error in _fit_up_to(until, now, clock, bar.epoch):
                    outcomes.append(_closed(run, clock, len(runs), error))
                    left.remove(run)
    except Exception as error:
        return [*outcomes, *(_ended(run.request, error) for run in left)]
    return [*outcomes, *(_closed(run, clock, len(runs)) for run in left)]


def _fit_up_to(
    until: int, runs: Sequence[PreparedRun], clock: _Clock, show: Callable[[int, EpochMetrics], None]
) -> list[tuple[PreparedRun, Exception]]:
    """Train these up to an epoch, or until some diverge: which, and how."""
    clock.charge([])

    def on_epoch(epoch: int, metrics: dict[int, EpochMetrics]) -> None:
        clock.charge(runs)
        for number, of_run in metrics.items():
            runs[number].add_epoch(epoch, of_run)
        if metrics:
            show(epoch, {name: fmean(row[name] for row in metrics.values()) for name in next(iter(metrics.values()))})

    def before_save() -> None:
        for run in runs:
            run.log.sync()

    settings = runs[0].settings
    stack = Stack([run.trainer for run in runs], settings.optimizer, settings.scheduler)
    diverged = stack.fit(until, on_epoch, before_save, lambda: [run.seconds for run in runs])
    clock.charge(runs)
    return [(runs[number], error) for number, error in diverged.items()]


def _closed(run: PreparedRun, clock: _Clock, stacked: int, error: Exception | None = None) -> Outcome:
    """The outcome of a run that leaves its stack, mirrored only now: W&B takes one run a process at a time."""
    try:
        with _logged_run(run) as wandb:
            if error is not None:
                raise error
            return _recorded(run, wandb, clock, stacked=stacked)
    except Exception as caught:
        return _ended(run.request, caught)
    finally:
        run.claim.close()


@contextmanager
def _logged_run(run: PreparedRun, world: World = ALONE) -> Iterator[RunLogger]:
    """The run's logger, of the main process alone."""
    loggers: list[RunLogger] = [RunLogger()]
    with ExitStack() as opened:
        world.on_main_process(lambda: loggers.append(opened.enter_context(run_logger(run.settings, run.log.rows()))))
        yield loggers[-1]


def _recorded(run: PreparedRun, wandb: RunLogger, clock: _Clock, world: World = ALONE, stacked: int = 1) -> Outcome:
    """Test a run that has been trained, and write its record; it is DONE then."""
    metrics = run.trainer.test()
    clock.charge([run])

    def record() -> dict[str, Any]:
        wandb.summary(metrics)
        wandb.explain(run.data, run.trainer.outputs)
        return _write_record(run, metrics, stacked)

    folder, title = run.request.folder, run.request.title
    return Outcome(folder.id, title, "DONE", fresh=True, record=world.on_main_process(record))


def _write_record(run: PreparedRun, metrics: Row, stacked: int) -> dict[str, Any]:
    timing = {"started": run.started, "finished": time.time(), "seconds": run.seconds}
    if stacked > 1:
        timing["stacked"] = stacked
    trainer, folder = run.trainer, run.request.folder
    parameters = sum(p.numel() for p in trainer.model.parameters())
    rows, world = run.log.rows(), trainer.world
    record = build_record(
        run.settings, run.identity, run.data, parameters, metrics, rows, trainer.device, timing, world.size
    )
    sync = run.seconds > SYNC_EVERY_S
    _keep_answers(run, sync)
    write_json(folder.record, record, sync)
    folder.set_done()
    previous(folder.checkpoint).unlink(missing_ok=True)
    return record


def _keep_answers(run: PreparedRun, sync: bool) -> None:
    """Write what explains and uses the run later: predictions.npz and model.pt."""
    folder, trainer = run.request.folder, run.trainer
    write_predictions(folder.predictions, predictions_of(run.data, trainer.outputs), sync)
    write_model(folder.model, folder.id, run.settings, run.data, trainer.best.model, sync)


def _ended(request: Request, error: Exception, world: World = ALONE, started: float = 0.0) -> Outcome:
    """The outcome of a claimed run that raised `error`, in all of its processes; called where it was caught."""
    everywhere = raised_in_all(error) or isinstance(error, NonFiniteLossError | preemption.StoppedError)
    if world.size > 1 and not everywhere:
        _leave(error, request, world.rank, started)
    return world.on_main_process(lambda: ended_by(error, request.folder, request.title))


def _leave(error: Exception, request: Request, rank: int, started: float) -> NoReturn:
    """End this process at once: the others cannot be told, they wait for its part of a sum; torchrun ends them.

    Theirs are then errors, too, of a connection that was closed; only the first to fail says and writes so.
    """
    details = request.folder.details()
    if details.get("state") != "FAILED" or details["heartbeat"] < started:
        outcome = record_failure(request.folder, f"{request.title}, process {rank}", error)
        print(outcome.line(), file=sys.stderr, flush=True)  # noqa: T201 - it is not the first process that says it
    os._exit(1)
