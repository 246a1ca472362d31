"""One run from its settings to its record: found if it is done, resumed if it was killed, begun otherwise."""

import shutil
import time
import traceback
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import OmegaConf

from mixupe.augmentation.config import MixupESettings, build_augmentation, mix_points
from mixupe.augmentation.mix_point import MixPoint
from mixupe.augmentation.mixupe import GRADIENT_VARIANTS
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.registry import load_dataset
from mixupe.experiment.config import RunSettings
from mixupe.experiment.files import read_json, write_json, write_text
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog, Row
from mixupe.experiment.progress import report_run, run_progress, say, say_once
from mixupe.experiment.record import build_record, config_of
from mixupe.experiment.store import AlreadyRunningError, RunFolder, RunStore
from mixupe.experiment.wandb_mirror import mirror
from mixupe.models.registry import build_model
from mixupe.settings import UserError
from mixupe.training.loop import NonFiniteLossError, Trainer, resolve_device

# A diverged run would diverge again: its failure is a result, not an accident.
FINAL_FAILURES = {NonFiniteLossError.__name__}


@dataclass(frozen=True)
class Outcome:
    """How a request for a run ended.

    Attributes:
        id: the run's identity.
        title: data set, model, augmentation and seed in words.
        state: DONE, FAILED or RUNNING (elsewhere).
        fresh: whether anything was computed for this request.
        reason: of a failure, one line; empty otherwise.
        record: of a finished run.
    """

    id: str
    title: str
    state: str
    fresh: bool
    reason: str = ""
    record: dict[str, Any] | None = None

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
        UserError: the data is not there or the settings do not fit it; nothing is left behind.
    """
    folder = RunStore(settings.output_root).folder(run_id(settings))
    title = title_of(settings)
    known = known_outcome(folder, title)
    if known is None:
        known = _compute(folder, settings, title, in_sweep)
    if known.state != "RUNNING" or not in_sweep:  # a sweep comes back to a run that another process is at
        report_run(known.line(), in_sweep)
    return known


def known_outcome(folder: RunFolder, title: str) -> Outcome | None:
    state = folder.state()
    if state == "DONE":
        return Outcome(folder.id, title, state, fresh=False, record=read_json(folder.record))
    if state == "FAILED" and folder.details()["kind"] in FINAL_FAILURES:
        details = folder.details()
        reason = f"{details['reason']}; log {details['log']} (remove {folder.path} to repeat it)"
        return Outcome(folder.id, title, state, fresh=False, reason=reason)
    return None


def ended_outcome(folder: RunFolder, title: str) -> Outcome:
    """The outcome of a run, DONE or FAILED, that another process has just ended."""
    details = folder.details()
    if details["state"] == "DONE":
        return Outcome(folder.id, title, "DONE", fresh=True, record=read_json(folder.record))
    return Outcome(folder.id, title, "FAILED", fresh=True, reason=f"{details['reason']}; log {details['log']}")


def _compute(folder: RunFolder, settings: RunSettings, title: str, in_sweep: bool) -> Outcome:
    try:
        with folder.claimed():
            # Another process may have finished it while this one looked.
            known = known_outcome(folder, title)
            if known is not None:
                return known
            try:
                record = _train(folder, settings, title, in_sweep)
            except UserError:
                _leave_nothing(folder)
                raise
            except Exception as error:
                return _failed(folder, title, error)
            return Outcome(folder.id, title, "DONE", fresh=True, record=record)
    except AlreadyRunningError as error:
        return Outcome(folder.id, title, "RUNNING", fresh=False, reason=str(error))


def _leave_nothing(folder: RunFolder) -> None:
    """After bad input: a folder that holds no work of an earlier start goes again."""
    if not folder.checkpoint.exists():
        shutil.rmtree(folder.path, ignore_errors=True)


def _failed(folder: RunFolder, title: str, error: Exception) -> Outcome:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    with folder.log.open("a", encoding="utf-8") as log:
        log.write(traceback.format_exc())
    folder.set_failed(type(error).__name__, reason)
    return Outcome(folder.id, title, "FAILED", fresh=True, reason=f"{reason}; log {folder.log}")


def _train(folder: RunFolder, settings: RunSettings, title: str, in_sweep: bool) -> dict[str, Any]:
    started = time.time()
    torch.set_num_threads(settings.trainer.threads)
    data = load_dataset(settings.dataset, DataRequest(settings.data.root, settings.seed, settings.protocol))
    for note in data.notes:
        say_once(f"{settings.dataset.name}: {note}")
    trainer = _trainer(folder, settings, data)
    folder.set_running()
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(config_of(settings))))
    log = MetricsLog(folder.metrics)
    earlier_seconds = _resume(folder, log, trainer.epoch, title)
    parameters = sum(p.numel() for p in trainer.model.parameters())

    with (
        mirror(settings, log.rows()) as wandb_mirror,
        run_progress(title, settings.trainer.epochs, trainer.epoch, in_sweep) as bar,
    ):

        def on_epoch(epoch: int, metrics: Row) -> None:
            row = {**metrics, "seconds": earlier_seconds + time.time() - started}
            log.append(epoch, row)
            wandb_mirror.log({"epoch": epoch, **row})
            folder.heartbeat()
            bar.epoch(epoch, metrics)

        trainer.fit(on_epoch)
        metrics = trainer.test()
        wandb_mirror.summary(metrics)

    timing = {"started": started, "finished": time.time(), "seconds": earlier_seconds + time.time() - started}
    record = build_record(settings, data, parameters, metrics, log.rows(), trainer.device, timing)
    write_json(folder.record, record)
    folder.set_done()
    return record


def _trainer(folder: RunFolder, settings: RunSettings, data: DataBundle) -> Trainer:
    """Everything that can be wrong with the combination is found here, before training."""
    model = build_model(settings.model, data.spec, settings.seed)
    for name in mix_points(settings.augmentation):
        _check_mix_point(model, name, data.spec.domain)
    if settings.trainer.compile:
        _check_compilable(settings)
    device = resolve_device(settings.trainer.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"trainer.device: {device} was asked for, but no CUDA device is available; use cpu or auto")
    if len(data.train.labels) < 2:
        raise UserError(f"dataset: {settings.dataset.name} has fewer than 2 training examples")
    return Trainer(
        model,
        build_augmentation(settings.augmentation, data.train.mean_input()),
        data,
        settings.trainer,
        settings.optimizer,
        settings.scheduler,
        settings.seed,
        folder.checkpoint,
    )


def _check_compilable(settings: RunSettings) -> None:
    """A compiled model would ignore a hook on an inner module, and cannot be differentiated twice."""
    others = [name for name in mix_points(settings.augmentation) if name != "input"]
    if others:
        raise UserError(f"trainer.compile: true works with mixing at the input, augmentation.mix_at has {others[0]!r}")
    if isinstance(settings.augmentation, MixupESettings) and settings.augmentation.variant in GRADIENT_VARIANTS:
        raise UserError(
            f"trainer.compile: true cannot be used with augmentation.variant={settings.augmentation.variant}, whose double"
            " backward torch.compile does not support; allowed are v3 and v4"
        )


def _check_mix_point(model: torch.nn.Module, name: str, domain: str) -> None:
    try:
        MixPoint(model, name)
    except ValueError as error:
        raise UserError(f"augmentation.{error}") from error
    if domain == "graphs" and name == "input":
        raise UserError(
            "augmentation.mix_at: graphs cannot be mixed at the input; use head, whose input is the readout"
        )


def _resume(folder: RunFolder, log: MetricsLog, epoch: int, title: str) -> float:
    """Bring metrics.jsonl in line with the checkpoint; seconds already spent."""
    if epoch == 0:
        folder.metrics.unlink(missing_ok=True)
        return 0.0
    log.keep_until(epoch)
    say(f"{title}: resumed after epoch {epoch}")
    return float(log.rows()[-1]["seconds"])
