"""Everything before the training of a claimed run: data, model, method and what an earlier start has left."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from omegaconf import OmegaConf

from mixupe.augmentation.config import build_augmentation
from mixupe.console import say, say_once, warn
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.registry import load_dataset
from mixupe.data.root import needs_writable
from mixupe.errors import UserError
from mixupe.experiment.identity import id_of, identity
from mixupe.experiment.initial import initial_model
from mixupe.experiment.metrics_log import MetricsLog, Row
from mixupe.experiment.record import config_of
from mixupe.experiment.request import Request
from mixupe.experiment.rules import check_method, check_prepared
from mixupe.experiment.settings import RunSettings
from mixupe.files import write_text
from mixupe.training.criterion import build_criterion
from mixupe.training.distributed import ALONE, World
from mixupe.training.trainer import Trainer


@dataclass(eq=False)
class PreparedRun:
    """A claimed run whose data and model are there.

    Attributes:
        identity: of the run, with the user's own files as they were when they were read.
        claim: of its folder; closed when the run has ended.
        started: in seconds since 1970.
        seconds: that it has taken, earlier processes included; whoever trains it adds to them.
    """

    request: Request
    identity: Mapping[str, Any]
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


def load_data(settings: RunSettings) -> DataBundle:
    """The run's data set, split as its seed and protocol say.

    Raises:
        UserError: the data is not there or the settings do not fit it.
    """
    return load_dataset(settings.dataset, DataRequest(settings.data.root, settings.seed, settings.protocol))


def prepare(request: Request, claim: ExitStack, world: World = ALONE) -> PreparedRun:
    """The run, ready to be trained or to go on; of several processes, only the first writes.

    Raises:
        UserError: the data is not there, has changed since, or the settings do not fit it.
    """
    started = time.time()
    settings, folder = request.settings, request.folder
    torch.set_num_threads(settings.trainer.threads)
    with needs_writable(settings.data.root):
        data = load_data(settings)
    values = identity(settings)
    if id_of(values) != folder.id:
        raise UserError(
            f"dataset: the files of {settings.dataset.name} have changed since this run was asked for; the same command"
            " runs on what they hold now"
        )
    for note in data.notes:
        say_once(f"{settings.dataset.name}: {note}")
    log = MetricsLog(folder.metrics)
    trainer = _trainer(request, data, world, len(log.rows()))
    if world.is_main_process:
        problems = folder.set_damage_aside()
        folder.set_running()
        write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(config_of(settings))))
        _resume(log, trainer, request.title, problems)
    return PreparedRun(request, values, data, trainer, log, claim, started)


def _trainer(request: Request, data: DataBundle, world: World, reported: int) -> Trainer:
    settings = request.settings
    model = initial_model(settings, data)
    check_prepared(settings, data, model)
    criterion = build_criterion(settings.trainer, data)
    method = build_augmentation(settings.augmentation, data.train.mean_input(), criterion, data)
    check_method(settings, method)
    return Trainer(
        model,
        method,
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


def _resume(log: MetricsLog, trainer: Trainer, title: str, problems: list[str]) -> None:
    """Bring metrics.jsonl in line with the checkpoint, and say where the run goes on.

    Args:
        problems: a phrase for each damaged file of the run's folder but for those that log and trainer know of.
    """
    problems = problems + ["metrics.jsonl is damaged"] * log.is_damaged() + trainer.damaged
    if log.path.exists():
        log.keep_until(trainer.epoch)
    if problems:
        warn(f"{', '.join(problems)}; going on {trainer.position}", title)
    elif trainer.earlier_seconds > 0:
        say(f"{title}: resumed {trainer.position}")
