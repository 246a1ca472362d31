"""One run from its settings to its record: found if it is done, resumed if it was killed, begun otherwise."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import OmegaConf

from mixupe import stopping
from mixupe.augmentation.config import build_augmentation, prototype
from mixupe.augmentation.mix_point import MixPoint
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.registry import load_dataset
from mixupe.data.root import needs_writable
from mixupe.experiment.config import RunSettings
from mixupe.experiment.files import write_json, write_text
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog, Row
from mixupe.experiment.outcome import Outcome, ended_by, known_outcome, refused, title_of
from mixupe.experiment.progress import RunBar, report_runs, run_progress, say, say_once
from mixupe.experiment.record import build_record, config_of
from mixupe.experiment.store import AlreadyRunningError, RunFolder, RunStore
from mixupe.experiment.wandb_environment import check_logger
from mixupe.experiment.wandb_mirror import Mirror, mirror
from mixupe.models.registry import build_model
from mixupe.settings import UserError
from mixupe.training.checkpoint import previous
from mixupe.training.criterion import build_criterion
from mixupe.training.distributed import ALONE, Ranks
from mixupe.training.loop import Trainer, resolve_device
from mixupe.training.precision import slow_bf16


def request_run(settings: RunSettings, in_sweep: bool = False) -> Outcome:
    """The outcome of that run, computed at most once; never raises for a run that fails.

    Args:
        settings: of the run.
        in_sweep: whether it is one of many; then its epochs are not reported line by line.

    Raises:
        UserError: the data is not there or the settings do not fit it, the output folder cannot be written to, or the
            logger cannot work; nothing is left behind.
    """
    store = RunStore(settings.output_root)
    folder = store.folder(run_id(settings))
    title = title_of(settings)
    known = known_outcome(folder, title)
    if known is None:
        check_logger(settings.logger)
        store.check_writable()
        if not in_sweep:
            warn_of_slow_precision(settings)
        known = _compute(folder, settings, title, in_sweep)
    # A sweep comes back to a run that another process is at, and says itself what it leaves.
    if known.state in ("DONE", "FAILED") or not in_sweep:
        report_runs([known.line()], in_sweep)
    return known


def warn_of_slow_precision(settings: RunSettings) -> None:
    """Say, once a process, that this machine emulates the precision asked for. It is kept: it is part of the identity."""
    device = resolve_device(settings.trainer.device)
    if settings.trainer.precision == "bf16" and (device.type == "cpu" or torch.cuda.is_available()):
        slow = slow_bf16(device)
        if slow is not None:
            say_once(f"warning: trainer.precision=bf16 is {slow}, which has no instructions for it")


def attempt_run(settings: RunSettings, in_sweep: bool = False) -> Outcome:
    """As `request_run`, but bad input is an outcome too, so that a sweep goes on."""
    try:
        return request_run(settings, in_sweep)
    except UserError as error:
        return refused(error)


def _compute(folder: RunFolder, settings: RunSettings, title: str, in_sweep: bool) -> Outcome:
    asked_to_stop = stopping.reason()
    if asked_to_stop is not None:
        return Outcome(folder.id, title, "INTERRUPTED", fresh=False, reason=asked_to_stop)
    try:
        with folder.claimed():
            # Another process may have finished it while this one looked.
            known = known_outcome(folder, title)
            if known is not None:
                return known
            try:
                record = _train(folder, settings, title, in_sweep)
            except Exception as error:
                return ended_by(error, folder, title)
            return Outcome(folder.id, title, "DONE", fresh=True, record=record)
    except AlreadyRunningError as error:
        return Outcome(folder.id, title, "RUNNING", fresh=False, reason=str(error))
    except OSError as error:  # not even the folder could be claimed
        return Outcome(folder.id, title, "FAILED", fresh=False, reason=f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class PreparedRun:
    """A claimed run whose data and model are there; `started` in seconds since 1970."""

    folder: RunFolder
    settings: RunSettings
    title: str
    data: DataBundle
    trainer: Trainer
    log: MetricsLog
    started: float

    def seconds(self) -> float:
        """What it has taken so far, earlier processes included."""
        return self.trainer.earlier_seconds + time.time() - self.started


def prepare(folder: RunFolder, settings: RunSettings, title: str, ranks: Ranks = ALONE) -> PreparedRun:
    """Everything before the training of a claimed run; of several processes, only the first writes.

    Raises:
        UserError: the data is not there or the settings do not fit it.
    """
    started = time.time()
    torch.set_num_threads(settings.trainer.threads)
    with needs_writable(settings.data.root):
        data = load_dataset(settings.dataset, DataRequest(settings.data.root, settings.seed, settings.protocol))
    for note in data.notes:
        say_once(f"{settings.dataset.name}: {note}")
    log = MetricsLog(folder.metrics)
    trainer = _trainer(folder, settings, data, ranks, len(log.rows()))
    if ranks.is_first:
        problems = folder.set_damage_aside()
        folder.set_running()
        write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(config_of(settings))))
        _resume(log, trainer, title, problems)
    return PreparedRun(folder, settings, title, data, trainer, log, started)


def _train(folder: RunFolder, settings: RunSettings, title: str, in_sweep: bool) -> dict[str, Any]:
    run = prepare(folder, settings, title)
    with reporting(run, in_sweep) as report:
        run.trainer.fit(report.epoch, run.log.sync)
        metrics = run.trainer.test()
        report.summary(metrics)
    return keep_record(run, metrics, run.seconds())


@dataclass(frozen=True)
class Report:
    """Where a run's metrics go: metrics.jsonl first, then its mirror and its bar."""

    run: PreparedRun
    mirror: Mirror
    bar: RunBar

    def epoch(self, epoch: int, metrics: Row) -> None:
        row = {**metrics, "seconds": self.run.seconds()}
        self.run.log.append(epoch, row)
        self.mirror.log({"epoch": epoch, **row})
        self.run.folder.heartbeat()
        self.bar.epoch(epoch, metrics)

    def summary(self, metrics: Row) -> None:
        self.mirror.summary(metrics)


@contextmanager
def reporting(run: PreparedRun, in_sweep: bool) -> Iterator[Report]:
    """The mirror and the progress bar of a run, closed in the end."""
    epochs = run.settings.trainer.epochs
    with (
        mirror(run.settings, run.log.rows()) as wandb_mirror,
        run_progress(run.title, epochs, run.trainer.epoch, in_sweep) as bar,
    ):
        yield Report(run, wandb_mirror, bar)


def keep_record(run: PreparedRun, metrics: Row, seconds: float, **timing: float) -> dict[str, Any]:
    """Write the record of a run that has been trained and tested; it is DONE then.

    Args:
        metrics: of the test.
        seconds: that it took, earlier processes included.
        timing: what else the record says of that.
    """
    timing = {"started": run.started, "finished": time.time(), "seconds": seconds, **timing}
    parameters = sum(p.numel() for p in run.trainer.model.parameters())
    rows = run.log.rows()
    device, processes = run.trainer.device, run.trainer.ranks.size
    record = build_record(run.settings, run.data, parameters, metrics, rows, device, timing, processes)
    write_json(run.folder.record, record)
    run.folder.set_done()
    previous(run.folder.checkpoint).unlink(missing_ok=True)
    return record


def _trainer(folder: RunFolder, settings: RunSettings, data: DataBundle, ranks: Ranks, reported: int) -> Trainer:
    """Everything that can be wrong with the combination is found here, before training."""
    model = build_model(settings.model, data.spec, settings.seed)
    for name in prototype(settings.augmentation).mix_points:
        _check_mix_point(model, name, data.spec.domain)
    if settings.trainer.compile:
        _check_compilable(settings)
    device = resolve_device(settings.trainer.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"trainer.device: {device} was asked for, but no CUDA device is available; use cpu or auto")
    if settings.trainer.deformations and not isinstance(data.test, TensorImages):
        raise UserError("trainer.deformations: true needs images held in memory, which this data set's are not")
    if len(data.train.labels) < 2:
        raise UserError(f"dataset: {settings.dataset.name} has fewer than 2 training examples")
    return Trainer(
        model,
        build_augmentation(settings.augmentation, data.train.mean_input(), build_criterion(settings.trainer, data)),
        data,
        settings.trainer,
        settings.optimizer,
        settings.scheduler,
        settings.seed,
        folder.checkpoint,
        ranks,
        run=folder.id,
        reported=reported,
    )


def _check_compilable(settings: RunSettings) -> None:
    """A compiled model would ignore a hook on an inner module, and cannot be differentiated twice."""
    method = prototype(settings.augmentation)
    others = [name for name in method.mix_points if name != "input"]
    if others:
        raise UserError(f"trainer.compile: true works with mixing at the input, augmentation.mix_at has {others[0]!r}")
    obstacle = method.obstacle("compile")
    if obstacle is not None:
        raise UserError(f"trainer.compile: true cannot be used with {obstacle}")


def _check_mix_point(model: torch.nn.Module, name: str, domain: str) -> None:
    try:
        MixPoint(model, name)
    except ValueError as error:
        raise UserError(f"augmentation.{error}") from error
    if domain == "graphs" and name == "input":
        raise UserError(
            "augmentation.mix_at: graphs cannot be mixed at the input; use head, whose input is the readout"
        )


def _resume(log: MetricsLog, trainer: Trainer, title: str, problems: list[str]) -> None:
    """Bring metrics.jsonl in line with the checkpoint, and say where the run goes on.

    Args:
        problems: a phrase for each damaged file of the run's folder but for those that log and trainer know of.
    """
    problems = problems + ["metrics.jsonl is damaged"] * log.is_damaged() + trainer.damaged
    if log.path.exists():
        log.keep_until(trainer.epoch)
    if problems:
        say(f"{title}: warning: {', '.join(problems)}; going on {trainer.position}")
    elif trainer.earlier_seconds > 0:
        say(f"{title}: resumed {trainer.position}")
