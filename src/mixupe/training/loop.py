"""The training loop: the same for every domain, model and method."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.mix_point import Model
from mixupe.data.base import DataBundle
from mixupe.evaluation.classification import error_and_loss, full_metrics, predict
from mixupe.streams import generator, stream_seed
from mixupe.training.checkpoint import load_checkpoint, save_checkpoint
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings, build_optimizer, build_scheduler
from mixupe.training.settings import TrainerSettings

EpochMetrics = dict[str, float]


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

    def offer(self, epoch: int, error: float, loss: float, model: nn.Module) -> None:
        if (error, loss) < (self.error, self.loss):
            self.epoch, self.error, self.loss = epoch, error, loss
            self.model = deepcopy(model.state_dict())


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def batch_indices(order: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Cut an epoch's order into batches; a last batch of one example, which cannot be mixed, joins the one before."""
    batches = list(torch.split(order, batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return iter(batches)


def _compiled(model: nn.Module) -> Model:
    """The model through torch.compile, with dropout drawing the numbers that the plain model would draw."""
    from torch._inductor import config as inductor  # slow to import, and rarely needed

    inductor.fallback_random = True
    return torch.compile(model)


class Trainer:
    """Trains one model, resumably.

    Args:
        model: on the CPU, freshly initialised.
        augmentation: the method; called with a generator of the stream `mix` at each step.
        data: train and validation are used by `fit`, test by `test` alone.
        settings, optimizer, scheduler: checked settings.
        seed: of the run.
        checkpoint: file to resume from and to save to.
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
    ) -> None:
        self.device = resolve_device(settings.device)
        # Convolutions are faster with channels last; 4-d weights and inputs keep their shapes, only strides change.
        self._memory_format = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.model = model.to(self.device)
        self.model.to(memory_format=self._memory_format)  # type: ignore[call-overload]
        # Weights are shared; only the training passes go through the compiled form.
        self._forward: Model = _compiled(self.model) if settings.compile else self.model
        self.augmentation = augmentation
        self.train = data.train.to(self.device)
        self.validation = data.validation.to(self.device)
        self._test = data.test
        self.settings = settings
        self.seed = seed
        self.checkpoint = checkpoint
        self.examples = len(self.train.labels)
        self.steps_per_epoch = len(list(batch_indices(torch.arange(self.examples), settings.batch_size)))
        self.optimizer = build_optimizer(optimizer, self.model)
        self.scheduler = build_scheduler(scheduler, self.optimizer, settings.epochs * self.steps_per_epoch)
        self.best = Best()
        self.epoch = 0
        self._resume()

    def fit(self, on_epoch: Callable[[int, EpochMetrics], None]) -> None:
        """Train the epochs that are left; after each, report its metrics, then save a checkpoint.

        Raises:
            NonFiniteLossError: found at the end of the epoch in which it happened.
        """
        while self.epoch < self.settings.epochs:
            metrics = self._train_epoch()
            validation = error_and_loss(*predict(self.model, self.validation, self._autocast()))
            self.epoch += 1
            self.best.offer(self.epoch, validation["error"], validation["loss"], self.model)
            on_epoch(
                self.epoch, {**metrics, "validation_loss": validation["loss"], "validation_error": validation["error"]}
            )
            if self.epoch % self.settings.checkpoint_every == 0 or self.epoch == self.settings.epochs:
                self._save()

    def test(self) -> dict[str, float]:
        """Read the test split once: metrics of the best-validation epoch, and with `_last` of the last epoch."""
        test = self._test.to(self.device)
        last = full_metrics(*predict(self.model, test, self._autocast()))
        self.model.load_state_dict(self.best.model)
        best = full_metrics(*predict(self.model, test, self._autocast()))
        return {
            **{f"test_{name}": value for name, value in best.items()},
            **{f"test_{name}_last": value for name, value in last.items()},
            "validation_error": self.best.error,
            "validation_loss": self.best.loss,
            "best_epoch": self.best.epoch,
        }

    def _train_epoch(self) -> EpochMetrics:
        self.model.train()
        # Dropout draws from torch's global generator; seeded per epoch, a resumed run drops what the first would have.
        torch.manual_seed(stream_seed(self.seed, "dropout", self.epoch))
        order = torch.randperm(self.examples, generator=generator(self.seed, "order", self.epoch))
        batches = self.train.batches(
            batch_indices(order, self.settings.batch_size), generator(self.seed, "augment", self.epoch)
        )
        first_step = self.epoch * self.steps_per_epoch
        # Kept on the device: reading a loss in every step would make a GPU wait.
        losses: list[Tensor] = []
        for step, (inputs, labels) in enumerate(batches, start=first_step):
            inputs = self._laid_out(inputs)
            with self._autocast():
                result = self.augmentation(self._forward, inputs, labels, generator=generator(self.seed, "mix", step))
            self.optimizer.zero_grad(set_to_none=True)
            result.loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.scheduler.step()
            losses.append(torch.stack([result.loss.detach(), result.penalty.detach()]))
        history = torch.stack(losses).double().cpu()
        finite = history[:, 0].isfinite()
        if not bool(finite.all()):
            at = int((~finite).nonzero()[0])
            raise NonFiniteLossError(first_step + at, self.epoch, float(history[at, 0]))
        loss, penalty = history.mean(dim=0).tolist()
        return {"train_loss": loss, "penalty": penalty, "lr": self.scheduler.get_last_lr()[0]}

    def _laid_out(self, inputs: Any) -> Any:
        is_image = isinstance(inputs, Tensor) and inputs.dim() == 4
        return inputs.contiguous(memory_format=self._memory_format) if is_image else inputs

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16")

    def _state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "augmentation": self.augmentation.state_dict(),
            "best": vars(self.best),
        }

    def _save(self) -> None:
        save_checkpoint(self.checkpoint, self._state())

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint, self.device)
        if state is None:
            return
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.augmentation.load_state_dict(state["augmentation"])
        self.best = Best(**state["best"])
