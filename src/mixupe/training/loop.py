"""The training loop: the same for every domain, model and method."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial, reduce
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.mix_point import Model
from mixupe.data.base import DataBundle, Split
from mixupe.data.images.tensor_images import TensorImages
from mixupe.evaluation.classification import error_and_loss, evaluation_batch, full_metrics
from mixupe.evaluation.deformations import deformed_errors
from mixupe.stopping import StoppedError
from mixupe.streams import generator, stream_seed
from mixupe.training.batches import batch_indices, left_out, micro_batches
from mixupe.training.checkpoint import load_checkpoint, random_state, save_checkpoint, set_random_state
from mixupe.training.compiled import compiled
from mixupe.training.distributed import ALONE, Ranks, RunningStatistics, add_gradients, own_gpu, predict_together
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings, build_optimizer, build_scheduler
from mixupe.training.settings import TrainerSettings

EpochMetrics = dict[str, float]

# Saving takes at most this part of the time: where epochs are short, some are not saved, and a kill costs at most 19 times
# what a save takes.
SAVING_SHARE = 0.05


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite."""

    def __init__(self, step: int, epoch: int, value: float) -> None:
        super().__init__(f"loss is {value} at step {step} (epoch {epoch})")
        self.step = step
        self.epoch = epoch


@dataclass
class Best:
    """The epoch with the lowest validation error (ties: lowest validation loss, then the earlier)."""

    epoch: int = 0
    error: float = float("inf")
    loss: float = float("inf")
    model: dict[str, Tensor] = field(default_factory=dict)

    def is_beaten_by(self, error: float, loss: float) -> bool:
        return (error, loss) < (self.error, self.loss)

    def offer(self, epoch: int, error: float, loss: float, model: nn.Module) -> None:
        if self.is_beaten_by(error, loss):
            self.epoch, self.error, self.loss = epoch, error, loss
            self.model = deepcopy(model.state_dict())


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one; of several processes each has its own."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return own_gpu(torch.device(name))


def _moving_average(model: nn.Module, decay: float) -> Any:
    from timm.utils.model_ema import ModelEmaV3  # imported here: timm takes seconds, and few runs average

    return ModelEmaV3(model, decay)


class Trainer:
    """Trains one model, resumably.

    Args:
        model: on the CPU, freshly initialised.
        augmentation: the method; called with a generator of the stream `mix` at each step.
        data: train and validation are used by `fit`, test by `test` alone.
        settings, optimizer, scheduler: checked settings.
        seed: of the run.
        checkpoint: file to resume from and to save to.
        ranks: the processes of the run; each has a Trainer, and the first one's saves and reports.
        run: id of the run; its checkpoints carry it, and those of another run are not resumed.
        reported: epochs whose metrics are still known; a checkpoint past them is not resumed.

    Attributes:
        epoch: whole epochs behind it.
        earlier_seconds: that earlier processes spent on what this one resumes.
        damaged: a phrase for each checkpoint file that could not be used.
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
        ranks: Ranks = ALONE,
        run: str | None = None,
        reported: float = math.inf,
    ) -> None:
        self.ranks = ranks
        self.run = run
        self.device = resolve_device(settings.device)
        # Convolutions are faster with channels last; 4-d weights and inputs keep their shapes, only strides change.
        self._memory_format = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.model = model.to(self.device)
        self.model.to(memory_format=self._memory_format)  # type: ignore[call-overload]
        self._average = None if settings.ema is None else _moving_average(self.model, settings.ema)
        # Weights are shared; only the training passes go through the compiled form.
        self._forward: Model = compiled(self.model) if settings.compile else self.model
        self.augmentation = augmentation
        self.train = data.train.to(self.device)
        self.validation = data.validation.to(self.device)
        self._test = data.test
        self._evaluation_batch = evaluation_batch(data.spec.input_shape)
        self.settings = settings
        self.seed = seed
        self.checkpoint = checkpoint
        self.examples = len(self.train.labels)
        self.steps_per_epoch = len(list(batch_indices(torch.arange(self.examples), settings.batch_size)))
        self._parameters = list(self.model.parameters())
        self._statistics = RunningStatistics(self.model, ranks)
        self.optimizer = build_optimizer(optimizer, self.model)
        self.scheduler = build_scheduler(scheduler, self.optimizer, settings.epochs, self.steps_per_epoch)
        self.best = Best()
        self.epoch = 0
        # Of an epoch that is not whole: loss and penalty of each step, (2,) on the device (reading them in every step
        # would make a GPU wait), and where dropout goes on.
        self._losses: list[Tensor] = []
        self._random: dict[str, Tensor] | None = None
        self._began = time.time()
        self._saved = time.monotonic()
        self._saving_seconds = 0.0
        self.earlier_seconds = 0.0
        self.damaged: list[str] = []
        self._resume(reported)

    @property
    def evaluated(self) -> nn.Module:
        """The model that is validated, chosen and tested: the moving average (buffers too) where there is one."""
        return self.model if self._average is None else self._average.module

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

        def save() -> None:
            before_save()
            self.save()

        def save_if_due() -> None:
            waited = time.monotonic() - self._saved >= self._saving_seconds * (1 / SAVING_SHARE - 1)
            if (waited and self.epoch % self.settings.checkpoint_every == 0) or self.epoch == self.settings.epochs:
                save()

        while self.epoch < self.settings.epochs:
            try:
                metrics = self._train_epoch()
                validation = self._validate()
            except StoppedError as error:
                if self.epoch or self._losses:
                    self.ranks.first(save)
                raise StoppedError(f"{error} {self.position}") from error
            self.epoch += 1
            self._losses = []
            self.best.offer(self.epoch, validation["error"], validation["loss"], self.evaluated)
            metrics |= {"validation_loss": validation["loss"], "validation_error": validation["error"]}
            self.ranks.first(partial(on_epoch, self.epoch, metrics))
            self.ranks.first(save_if_due)

    def test(self) -> dict[str, float]:
        """Read the test split once: metrics of the best-validation epoch, and with `_last` of the last epoch."""
        test = self._test.to(self.device)
        last = full_metrics(*self._predict(test))
        self.evaluated.load_state_dict(self.best.model)
        best = full_metrics(*self._predict(test))
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

    def _validate(self) -> EpochMetrics:
        # Of the first process, if several round differently: all must choose the same epoch.
        return self.ranks.first(partial(error_and_loss, *self._predict(self.validation)))

    def _predict(self, split: Split) -> tuple[Tensor, Tensor]:
        return predict_together(self.evaluated, split, self._autocast(), self._evaluation_batch, self.ranks)

    def _train_epoch(self) -> EpochMetrics:
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
            skip=left_out(steps, done, self.ranks),
        )
        first_step = self.epoch * self.steps_per_epoch
        for step, parts in enumerate(steps[done:], first_step + done):
            self.ranks.check()
            self._losses.append(self._train_step(step, list(map(len, parts)), batches))
        history = torch.stack(self._losses).double().cpu()
        finite = history[:, 0].isfinite()
        if not bool(finite.all()):
            at = int((~finite).nonzero()[0])
            raise NonFiniteLossError(first_step + at, self.epoch, float(history[at, 0]))
        loss, penalty = history.mean(dim=0).tolist()
        return {"train_loss": loss, "penalty": penalty, "lr": self.scheduler.get_last_lr()[0]}

    def _train_step(self, step: int, sizes: list[int], batches: Iterator[tuple[Any, Tensor]]) -> Tensor:
        """One optimizer step: the mean loss and penalty of its micro-batches, (2,) on the device.

        Args:
            step: its number.
            sizes: of all its micro-batches.
            batches: those of this process.
        """
        own = self.ranks.own(len(sizes))
        losses = [torch.zeros(2, device=self.device)] if len(own) == 0 else []
        self._statistics.remember()
        for parameter in self._parameters:  # optimizer.zero_grad() without its bookkeeping
            parameter.grad = None
        if own.start > 0:
            self.augmentation.pass_over(own.start)
        for part, (inputs, labels) in zip(own, islice(batches, len(own)), strict=True):
            with self._autocast():
                mix = self._draws_of(step, part)
                result = self.augmentation(self._forward, self._laid_out(inputs), labels, generator=mix)
            loss, penalty = result.loss, result.penalty
            if len(sizes) > 1:
                share = sizes[part] / sum(sizes)
                loss, penalty = share * loss, share * penalty
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(torch.stack([loss.detach(), penalty.detach()]))
        if own.stop < len(sizes):
            self.augmentation.pass_over(len(sizes) - own.stop)
        total = add_gradients(self._parameters, reduce(torch.add, losses), self.ranks)
        self._statistics.merge()
        if self.settings.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self.settings.clip_grad_norm)
        self.optimizer.step()
        self.scheduler.step()
        if self._average is not None:
            self._average.update(self.model)
        return total

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
            "average": None if self._average is None else self._average.module.state_dict(),
            "seconds": self.earlier_seconds + time.time() - self._began,
            "losses": torch.stack(self._losses) if self._losses else None,
            "random": random_state(self.device) if self._losses else None,
        }

    def save(self, seconds: float | None = None) -> None:
        """Write the checkpoint; `seconds` is what the run has taken, where it does not have the clock for itself."""
        began = time.monotonic()
        state = self._state()
        save_checkpoint(self.checkpoint, state if seconds is None else {**state, "seconds": seconds})
        self._saved = time.monotonic()
        self._saving_seconds = self._saved - began

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
        if self._average is not None:
            self._average.module.load_state_dict(state["average"])
