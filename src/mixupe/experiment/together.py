"""One run computed by several processes (torchrun): one record, written by the first, and one outcome for all."""

import os
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import Any, NoReturn

from mixupe import stopping
from mixupe.augmentation.config import prototype
from mixupe.experiment.config import RunSettings
from mixupe.experiment.identity import run_id
from mixupe.experiment.outcome import Outcome, ended_by, known_outcome, record_failure, title_of
from mixupe.experiment.progress import report_runs
from mixupe.experiment.run import Report, keep_record, prepare, reporting, warn_of_slow_precision
from mixupe.experiment.store import AlreadyRunningError, RunFolder, RunStore
from mixupe.experiment.wandb_environment import check_logger
from mixupe.settings import UserError
from mixupe.training.distributed import Ranks, joined, raised_in_all
from mixupe.training.loop import NonFiniteLossError
from mixupe.training.trainer import resolve_device


def request_run_together(settings: RunSettings) -> Outcome:
    """As `request_run`, in each of the processes that torchrun started; a failure of one alone ends that process.

    Raises:
        UserError: as there, or the settings do not fit several processes; raised in all.
    """
    store = RunStore(settings.output_root)
    folder = store.folder(run_id(settings))
    with joined(resolve_device(settings.trainer.device)) as ranks:
        known = ranks.first(lambda: known_outcome(folder, title_of(settings)))
        if known is None:
            check_settings(settings, ranks.size)
            check_logger(settings.logger)
            ranks.first(store.check_writable)
            warn_of_slow_precision(settings)
            known = _compute(folder, settings, ranks)
    report_runs([known.line()], in_sweep=False)
    return known


def check_settings(settings: RunSettings, processes: int) -> None:
    """Raises:
    UserError: the settings do not let so many processes share a run.
    """
    if settings.trainer.accumulate < processes:
        raise UserError(
            f"trainer.accumulate: torchrun's {processes} processes need at least as many micro-batches a batch, got"
            f" {settings.trainer.accumulate}; any number of processes up to trainer.accumulate gives the same result"
        )
    obstacle = prototype(settings.augmentation).obstacle("processes")
    if obstacle is not None:
        raise UserError(f"torchrun: several processes cannot train with {obstacle}")


def _compute(folder: RunFolder, settings: RunSettings, ranks: Ranks) -> Outcome:
    title = title_of(settings)
    started = time.time()
    with ExitStack() as claim:
        try:
            ranks.first(lambda: claim.enter_context(folder.claimed()))
        except AlreadyRunningError as error:
            return Outcome(folder.id, title, "RUNNING", fresh=False, reason=str(error))
        known = ranks.first(lambda: known_outcome(folder, title))
        if known is not None:  # another command has just finished it
            return known
        try:
            record = _train(folder, settings, title, ranks)
        except Exception as error:
            if not (raised_in_all(error) or isinstance(error, NonFiniteLossError | stopping.StoppedError)):
                _leave(error, folder, f"{title}, process {ranks.rank}", started)
            return ranks.first(partial(ended_by, error, folder, title))
        return Outcome(folder.id, title, "DONE", fresh=True, record=record)


def _train(folder: RunFolder, settings: RunSettings, title: str, ranks: Ranks) -> dict[str, Any]:
    run = ranks.agreed(lambda: prepare(folder, settings, title, ranks))
    reports: list[Report] = []  # of the first process
    with ExitStack() as stack:
        ranks.first(lambda: reports.append(stack.enter_context(reporting(run, in_sweep=False))))
        run.trainer.fit(lambda epoch, metrics: reports[0].epoch(epoch, metrics), run.log.sync)
        metrics = run.trainer.test()
        ranks.first(lambda: reports[0].summary(metrics))
    return ranks.first(lambda: keep_record(run, metrics, run.seconds()))


def _leave(error: Exception, folder: RunFolder, title: str, started: float) -> NoReturn:
    """End this process at once: the others cannot be told, they wait for its part of a sum; torchrun ends them.

    Theirs are then errors, too, of a connection that was closed; only the first to fail says and writes so.
    """
    details = folder.details()
    if details.get("state") != "FAILED" or details["heartbeat"] < started:
        outcome = record_failure(folder, title, error)
        print(outcome.line(), file=sys.stderr, flush=True)  # noqa: T201 - it is not the first process that says it
    os._exit(1)
