"""One run: its model, optimizer and data, its epochs and its checkpoint; the same for every domain, model and method."""

import math
import time
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.mix_layer import Model
from mixupe.data.base import DataBundle, Split
from mixupe.data.images.tensor_images import TensorImages
from mixupe.evaluation.classification import error_and_loss, evaluation_batch, full_metrics
from mixupe.evaluation.deformations import deformed_errors
from mixupe.files import Syncs
from mixupe.rng import generator, stream_seed
from mixupe.training.batches import batch_indices, left_out, micro_batches
from mixupe.training.checkpoint import load_checkpoint, random_state, save_checkpoint, set_random_state
from mixupe.training.compiled import compiled
from mixupe.training.distributed import ALONE, RunningStatistics, World, add_gradients, own_gpu, predict_together
from mixupe.training.loop import Best, Engine, EpochMetrics, fit
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings, build_optimizer, build_scheduler
from mixupe.training.settings import TrainerSettings
from mixupe.training.step import Batch, Step


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one; of several processes each has its own."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return own_gpu(torch.device(name))


def device_here(name: str) -> str:
    """The name of a device, or `cpu` where this machine lacks it: a finished run need not be looked at where it ran."""
    if not name.startswith("cuda"):
        return name
    return name if (torch.device(name).index or 0) < torch.cuda.device_count() else "cpu"


def _ema_of(model: nn.Module, decay: float) -> Any:
    from timm.utils.model_ema import ModelEmaV3  # imported here: timm takes seconds, and few runs average

    return ModelEmaV3(model, decay)


class Trainer(Engine):
    """Trains one model, resumably.

    Args:
        model: on the CPU, freshly initialised.
        augmentation: the method; called with a generator of the stream `mix` at each step.
        data: train and validation are used by `fit`, test by `test` alone.
        settings, optimizer, scheduler: checked settings.
        seed: of the run.
        checkpoint: file to resume from and to save to.
        world: the processes of the run; each has a Trainer, and that of the main process saves and reports.
        run: id of the run; its checkpoints carry it, and those of another run are not resumed.
        reported: epochs whose metrics are still known; a checkpoint past them is not resumed.

    Attributes:
        epoch: whole epochs behind it.
        earlier_seconds: that earlier processes spent on what this one resumes.
        damaged: a phrase for each checkpoint file that could not be used.
        outputs: part -> logits (n, K) and labels (n,) of the best-validation epoch; there after `test`.
    """

    def __init__(
        self,
        model: nn.Module,
        augmentation: Augmentation,
        data: DataBundle,
        settings: TrainerSettings,
        optimizer: OptimizerSettings,
        scheduler: SchedulerSettings,
        seed: int,
        checkpoint: Path,
        world: World = ALONE,
        run: str | None = None,
        reported: float = math.inf,
    ) -> None:
        self.world = world
        self.run = run
        self.device = resolve_device(settings.device)
        # Convolutions are faster with channels last; 4-d weights and inputs keep their shapes, only strides change.
        self._memory_format = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.model = model.to(self.device)
        self.model.to(memory_format=self._memory_format)  # type: ignore[call-overload]
        self._ema = None if settings.ema is None else _ema_of(self.model, settings.ema)
        # Weights are shared; only the training passes go through the compiled form.
        self._forward: Model = compiled(self.model) if settings.compile else self.model
        self.augmentation = augmentation
        self.train = data.train.to(self.device)
        self.validation = data.validation.to(self.device)
        self._test = data.test
        self._classes = data.spec.num_classes
        self._evaluation_batch = evaluation_batch(data.spec.input_shape)
        self.settings = settings
        self.seed = seed
        self.checkpoint = checkpoint
        self.examples = len(self.train.labels)
        self.steps_per_epoch = len(list(batch_indices(torch.arange(self.examples), settings.batch_size)))
        self._statistics = RunningStatistics(self.model, world)
        self.optimizer = build_optimizer(optimizer, self.model)
        self.scheduler = build_scheduler(scheduler, self.optimizer, settings.epochs, self.steps_per_epoch)
        parameters = list(self.model.parameters())
        self._step = Step(
            *(self._loss_of, parameters, self.optimizer, self.scheduler),
            clip_grad_norm=settings.clip_grad_norm,
            exchange=self._exchange,
            after=self._update_ema,
        )
        self.best = Best()
        self.epoch = 0
        # Of an epoch that is not whole: loss and penalty of each step, (2,) on the device (reading them in every step
        # would make a GPU wait), and where dropout goes on.
        self._losses: list[Tensor] = []
        self._random: dict[str, Tensor] | None = None
        self._began, self._syncs = time.time(), Syncs()
        self.earlier_seconds = 0.0
        self.damaged: list[str] = []
        self.outputs: dict[str, tuple[Tensor, Tensor]] = {}
        self._resume(reported)

    @property
    def eval_model(self) -> nn.Module:
        """The model that is validated, chosen and tested: the moving average (buffers too) where there is one."""
        return self.model if self._ema is None else self._ema.module

    @property
    def within_epoch(self) -> bool:
        """Whether it goes on in the middle of an epoch."""
        return bool(self._losses)

    @property
    def position(self) -> str:
        """How far training is, in words."""
        if self.within_epoch:
            return f"in epoch {self.epoch + 1} after {len(self._losses)} of {self.steps_per_epoch} steps"
        return f"after epoch {self.epoch}" if self.epoch else "from the beginning"

    def fit(
        self, on_epoch: Callable[[int, EpochMetrics], None], before_save: Callable[[], None] = lambda: None
    ) -> None:
        """Train the epochs that are left; after each, report its metrics, then save a checkpoint if it is time to.

        Args:
            on_epoch: is told each epoch and its metrics.
            before_save: called before a checkpoint is written.

        Raises:
            NonFiniteLossError: found at the end of the epoch in which it happened.
            StoppedError: this process was asked to stop; the last step is in the checkpoint.
        """

        def report(epoch: int, metrics: dict[int, EpochMetrics]) -> None:
            on_epoch(epoch, metrics[0])

        diverged = fit([self], self, self.settings.epochs, self.settings.checkpoint_every, report, before_save)
        if diverged:
            raise diverged[0]

    def test(self) -> dict[str, float]:
        """Read the test split once: metrics of the best-validation epoch, and with `_last` of the last epoch."""
        test = self._test.to(self.device)
        last = full_metrics(*self._predict(test))
        self.eval_model.load_state_dict(self.best.model)
        self.outputs = {"validation": self._predict(self.validation), "test": self._predict(test)}
        best = full_metrics(*self.outputs["test"])
        if self.settings.deformations:
            assert isinstance(test, TensorImages)
            best |= deformed_errors(test, self.seed, self._predict)
        return {
            **{f"test_{name}": value for name, value in best.items()},
            **{f"test_{name}_last": value for name, value in last.items()},
            "validation_error": self.best.error,
            "validation_loss": self.best.loss,
            "best_epoch": self.best.epoch,
        }

    def weights(self, run: int) -> dict[str, Tensor]:  # noqa: ARG002 - there is one
        return self.eval_model.state_dict()

    def end_epoch(self) -> None:
        self._losses = []

    def validate(self) -> list[EpochMetrics]:
        # Of the first process, if several round differently: all must choose the same epoch.
        return [self.world.on_main_process(partial(error_and_loss, *self._predict(self.validation)))]

    def _predict(self, split: Split) -> tuple[Tensor, Tensor]:
        logits, labels = predict_together(self.eval_model, split, self._autocast(), self._evaluation_batch, self.world)
        if logits.shape[1] != self._classes:
            raise ValueError(f"model: must return logits of {self._classes} classes, got {logits.shape[1]}")
        return logits, labels

    def train_epoch(self) -> Tensor:
        self.model.train()
        # Dropout draws from torch's global generator; seeded per epoch, a resumed run drops what the first would have.
        torch.manual_seed(stream_seed(self.seed, "dropout", self.epoch))
        order = torch.randperm(self.examples, generator=generator(self.seed, "order", self.epoch))
        steps = [
            micro_batches(batch, self.settings.accumulate) for batch in batch_indices(order, self.settings.batch_size)
        ]
        done = len(self._losses)
        if self._random is not None:  # resumed within the epoch
            set_random_state(self._random, self.device)
            self._random = None
        batches = self.train.batches(
            chain.from_iterable(steps),
            generator(self.seed, "augment", self.epoch),
            skip=left_out(steps, done, self.world),
        )
        first_step = self.epoch * self.steps_per_epoch
        for step, parts in enumerate(steps[done:], first_step + done):
            self.world.check()
            self._losses.append(self._train_step(step, list(map(len, parts)), batches))
        return torch.stack(self._losses).unsqueeze(1).double().cpu()

    def _train_step(self, step: int, sizes: list[int], batches: Iterator[tuple[Any, Tensor]]) -> Tensor:
        """Step number `step`: the mean loss and penalty of its micro-batches, (2,) on the device.

        Args:
            step: its number.
            sizes: of all its micro-batches.
            batches: those of this process.
        """
        shard = self.world.shard(len(sizes))
        self._statistics.remember()
        return self._step(
            self._micro_batches(step, sizes, shard, batches),
            losses=None if shard else torch.zeros(2, device=self.device),
        )

    def _micro_batches(
        self, step: int, sizes: list[int], shard: range, batches: Iterator[tuple[Any, Tensor]]
    ) -> Iterator[Batch]:
        """This process's, each with its draws; the method passes over those of other processes."""
        if shard.start > 0:
            self.augmentation.pass_over(shard.start)
        for part, (inputs, labels) in zip(shard, islice(batches, len(shard)), strict=True):
            share = sizes[part] / sum(sizes) if len(sizes) > 1 else None
            yield Batch(self._laid_out(inputs), labels, self._draws_of(step, part), share)
        if shard.stop < len(sizes):
            self.augmentation.pass_over(len(sizes) - shard.stop)

    def _loss_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with self._autocast():
            result = self.augmentation(self._forward, batch.inputs, batch.labels, generator=batch.draws)
        return result.loss, result.penalty

    def _exchange(self, losses: Tensor) -> Tensor:
        total = add_gradients(self._step.parameters, losses, self.world)
        self._statistics.merge()
        return total

    def _update_ema(self) -> None:
        if self._ema is not None:
            self._ema.update(self.model)

    def _draws_of(self, step: int, part: int) -> torch.Generator:
        """Where a micro-batch draws lam and perm from: the same whatever the process that takes it; dropout likewise."""
        if self.settings.accumulate > 1:
            torch.manual_seed(stream_seed(self.seed, "dropout", self.epoch, step, part))
        return generator(self.seed, "mix", step, *([part] if part else []))

    def _laid_out(self, inputs: Any) -> Any:
        is_image = isinstance(inputs, Tensor) and inputs.dim() == 4
        return inputs.contiguous(memory_format=self._memory_format) if is_image else inputs

    def _autocast(self) -> AbstractContextManager[object]:
        if self.settings.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _state(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "augmentation": self.augmentation.state_dict(),
            "best": vars(self.best),
            "average": None if self._ema is None else self._ema.module.state_dict(),
            "seconds": self.earlier_seconds + time.time() - self._began,
            "losses": torch.stack(self._losses) if self._losses else None,
            "random": random_state(self.device) if self._losses else None,
        }

    def save(self, left_out: Container[int] = (), seconds: float | None = None) -> None:  # noqa: ARG002 - there is one
        """Write the checkpoint; `seconds` is what the run has taken, where it does not have the clock for itself."""
        state = self._state()
        state = state if seconds is None else {**state, "seconds": seconds}
        save_checkpoint(self.checkpoint, state, self._syncs.due())

    def _resume(self, reported: float) -> None:
        def refusal(state: dict[str, Any]) -> str | None:
            run = state.get("run")  # earlier versions wrote none
            if None not in (run, self.run) and run != self.run:
                return f"is of another run, {run}"
            if state["epoch"] > reported:
                return f"is past epoch {reported}, after which metrics are missing"
            return None

        state, self.damaged = load_checkpoint(self.checkpoint, self.device, refusal)
        if state is None:
            return
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.augmentation.load_state_dict(state["augmentation"])
        self.best = Best(**state["best"])
        self.earlier_seconds = state["seconds"]
        self._losses = [] if state["losses"] is None else list(state["losses"])
        self._random = state["random"]
        if self._ema is not None:
            self._ema.module.load_state_dict(state["average"])
