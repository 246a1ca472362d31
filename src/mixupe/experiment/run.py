"""One run from its settings to its record: found if it is done, resumed if it was killed, begun otherwise."""

import shutil
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from mixupe.experiment.config import RunSettings
from mixupe.experiment.files import write_json, write_text
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog, Row
from mixupe.experiment.progress import RunBar, report_runs, run_progress, say, say_once
from mixupe.experiment.record import build_record, config_of
from mixupe.experiment.store import AlreadyRunningError, RunFolder, RunStore
from mixupe.experiment.wandb_environment import check_logger
from mixupe.experiment.wandb_mirror import Mirror, mirror
from mixupe.models.registry import build_model
from mixupe.settings import UserError
from mixupe.training.checkpoint import previous
from mixupe.training.distributed import ALONE, Ranks
from mixupe.training.loop import NonFiniteLossError, Trainer, resolve_device
from mixupe.training.precision import slow_bf16

# A diverged run would diverge again: its failure is a result, not an accident.
FINAL_FAILURES = {NonFiniteLossError.__name__}
OUT_OF_GPU_MEMORY = (
    "out of GPU memory; trainer.precision=bf16, a larger trainer.accumulate or a smaller trainer.batch_size needs less"
)


@dataclass(frozen=True)
class Outcome:
    """How a request for a run ended.

    Attributes:
        id: the run's identity.
        title: data set, model, augmentation and seed in words.
        state: DONE, FAILED, RUNNING (elsewhere), INTERRUPTED (this process was asked to stop) or REFUSED (bad input).
        fresh: whether anything was computed for this request.
        reason: why it is not DONE, one line; empty otherwise.
        record: of a finished run.
        members: of a job that was several runs at once, their outcomes; the job's own then says no more than its state.
    """

    id: str
    title: str
    state: str
    fresh: bool
    reason: str = ""
    record: dict[str, Any] | None = None
    members: tuple["Outcome", ...] = ()

    def line(self) -> str:
        if self.record is None:
            return f"{self.title}: {self.state} - {self.reason}"
        how = f"{self.record['timing']['seconds']:.1f} s" if self.fresh else "already done"
        return f"{self.title}: test error {self.record['metrics']['test_error']:.2f}% ({how})"


def title_of(settings: RunSettings) -> str:
    return f"{settings.dataset.name} {settings.model.name} {settings.augmentation.name} seed {settings.seed}"


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


def refused(error: UserError) -> Outcome:
    return Outcome(id="", title="error", state="REFUSED", fresh=False, reason=str(error))


def known_outcome(folder: RunFolder, title: str) -> Outcome | None:
    """The outcome of a run that need not be computed (again), or None. A state.json that is damaged beside a whole record
    is written again.
    """
    details, record = folder.details(), folder.read_record()
    state = folder.state()
    if state == "DONE" and record is not None:
        if not details:
            say(f"{title}: warning: {', '.join(folder.set_damage_aside())}; its record is whole, the run is done")
            with suppress(OSError):  # nothing needs it
                folder.set_done()
        return Outcome(folder.id, title, state, fresh=False, record=record)
    if state == "FAILED" and details.get("kind") in FINAL_FAILURES:
        reason = f"{details['reason']}; log {details['log']} (remove {folder.path} to repeat it)"
        return Outcome(folder.id, title, state, fresh=False, reason=reason)
    return None


def ended_outcome(folder: RunFolder, title: str) -> Outcome:
    """The outcome of a run, DONE or FAILED, that another process has just ended."""
    details, record = folder.details(), folder.read_record()
    if record is not None and details.get("state") != "FAILED":
        return Outcome(folder.id, title, "DONE", fresh=True, record=record)
    reason = f"{details['reason']}; log {details['log']}" if "reason" in details else f"{folder.record} is damaged"
    return Outcome(folder.id, title, "FAILED", fresh=True, reason=reason)


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


def ended_by(error: Exception, folder: RunFolder, title: str) -> Outcome:
    """The outcome of a claimed run that raised `error`; called where it was caught.

    Raises:
        UserError: `error` is one.
    """
    if isinstance(error, UserError):
        _leave_nothing(folder)
        raise error
    if isinstance(error, stopping.StoppedError):
        # The state stays RUNNING; without a process that is INTERRUPTED.
        reason = f"{error}; the same command goes on from there"
        return Outcome(folder.id, title, "INTERRUPTED", fresh=True, reason=reason)
    return record_failure(folder, title, error)


def _leave_nothing(folder: RunFolder) -> None:
    """After bad input: a folder that holds no work of an earlier start goes again."""
    if not folder.has_checkpoint():
        shutil.rmtree(folder.path, ignore_errors=True)


def _reason(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError):
        return OUT_OF_GPU_MEMORY
    line = f"{type(error).__name__}: {error}".splitlines()[0]
    # torch's loader knows its processes by this name; the system kills them first where memory runs out.
    return f"{line}; fewer dataset.workers need less memory" if "DataLoader worker" in line else line


def record_failure(folder: RunFolder, title: str, error: Exception) -> Outcome:
    """The outcome of a run that failed, which is FAILED then; called where `error` was caught."""
    reason = _reason(error)
    try:
        with folder.log.open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())
        folder.set_failed(type(error).__name__, reason)
    except OSError:  # a full disk holds no failure either; the state stays what it was, and the reason is said
        return Outcome(folder.id, title, "FAILED", fresh=True, reason=reason)
    return Outcome(folder.id, title, "FAILED", fresh=True, reason=f"{reason}; log {folder.log}")


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
        build_augmentation(settings.augmentation, data.train.mean_input(), settings.trainer.criterion),
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
