"""Everything before the training of a claimed run: data, model, method and what an earlier start has left."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from omegaconf import OmegaConf

from mixupe.augmentation.config import build_augmentation, prototype
from mixupe.augmentation.mix_layer import MixLayer
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.registry import load_dataset
from mixupe.data.root import needs_writable
from mixupe.experiment.config import RunSettings
from mixupe.experiment.files import write_text
from mixupe.experiment.initial import initial_model
from mixupe.experiment.metrics_log import MetricsLog, Row
from mixupe.experiment.progress import say, say_once
from mixupe.experiment.record import config_of
from mixupe.experiment.request import Request
from mixupe.settings import UserError
from mixupe.training.criterion import build_criterion
from mixupe.training.distributed import ALONE, World
from mixupe.training.trainer import Trainer, resolve_device


@dataclass(eq=False)
class PreparedRun:
    """A claimed run whose data and model are there.

    Attributes:
        claim: of its folder; closed when the run has ended.
        started: in seconds since 1970.
        seconds: that it has taken, earlier processes included; whoever trains it adds to them.
    """

    request: Request
    data: DataBundle
    trainer: Trainer
    log: MetricsLog
    claim: ExitStack
    started: float
    seconds: float = field(init=False)

    def __post_init__(self) -> None:
        self.seconds = self.trainer.earlier_seconds

    @property
    def settings(self) -> RunSettings:
        return self.request.settings

    def add_epoch(self, epoch: int, metrics: Row) -> Row:
        """Write an epoch's row of metrics.jsonl, and return it."""
        row = {**metrics, "seconds": self.seconds}
        self.log.append(epoch, row)
        self.request.folder.heartbeat()
        return {"epoch": epoch, **row}


def prepare(request: Request, claim: ExitStack, world: World = ALONE) -> PreparedRun:
    """The run, ready to be trained or to go on; of several processes, only the first writes.

    Raises:
        UserError: the data is not there or the settings do not fit it.
    """
    started = time.time()
    settings, folder = request.settings, request.folder
    torch.set_num_threads(settings.trainer.threads)
    with needs_writable(settings.data.root):
        data = load_dataset(settings.dataset, DataRequest(settings.data.root, settings.seed, settings.protocol))
    for note in data.notes:
        say_once(f"{settings.dataset.name}: {note}")
    log = MetricsLog(folder.metrics)
    trainer = _trainer(request, data, world, len(log.rows()))
    if world.is_main_process:
        problems = folder.set_damage_aside()
        folder.set_running()
        write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(config_of(settings))))
        _resume(log, trainer, request.title, problems)
    return PreparedRun(request, data, trainer, log, claim, started)


def _trainer(request: Request, data: DataBundle, world: World, reported: int) -> Trainer:
    """Everything that can be wrong with the combination is found here, before training."""
    settings = request.settings
    model = initial_model(settings, data)
    for name in prototype(settings.augmentation).mix_layers:
        _check_mix_layer(model, name, data.spec.domain)
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
        build_augmentation(
            settings.augmentation, data.train.mean_input(), build_criterion(settings.trainer, data), data
        ),
        data,
        settings.trainer,
        settings.optimizer,
        settings.scheduler,
        settings.seed,
        request.folder.checkpoint,
        world,
        run=request.folder.id,
        reported=reported,
    )


def _check_compilable(settings: RunSettings) -> None:
    """A compiled model would ignore a hook on an inner module, and cannot be differentiated twice."""
    method = prototype(settings.augmentation)
    others = [name for name in method.mix_layers if name != "input"]
    if others:
        raise UserError(f"trainer.compile: true works with mixing at the input, augmentation.mix_at has {others[0]!r}")
    obstacle = method.obstacle("compile")
    if obstacle is not None:
        raise UserError(f"trainer.compile: true cannot be used with {obstacle}")


def check_processes(settings: RunSettings, processes: int) -> None:
    """Raises:
    UserError: the settings do not let so many processes share a run.
    """
    if processes == 1:
        return
    if settings.trainer.accumulate < processes:
        raise UserError(
            f"trainer.accumulate: torchrun's {processes} processes need at least as many micro-batches a batch, got"
            f" {settings.trainer.accumulate}; any number of processes up to trainer.accumulate gives the same result"
        )
    obstacle = prototype(settings.augmentation).obstacle("processes")
    if obstacle is not None:
        raise UserError(f"torchrun: several processes cannot train with {obstacle}")


def _check_mix_layer(model: torch.nn.Module, name: str, domain: str) -> None:
    try:
        MixLayer(model, name)
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
