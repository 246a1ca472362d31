"""The loop over epochs, of one run or of several at once: train, validate, report, keep the best, save."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from mixupe.preemption import StoppedError
from mixupe.training.distributed import World

EpochMetrics = dict[str, float]

# Saving takes at most this part of the time: where epochs are short, some are not saved, and a kill costs at most 19 times
# what a save takes.
SAVING_SHARE = 0.05


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite; that of a step, or after it on the validation split."""

    def __init__(self, step: int, epoch: int, value: float, is_validation: bool = False) -> None:
        what, when = ("validation loss", "after") if is_validation else ("loss", "at")
        super().__init__(f"{what} is {value} {when} step {step} (epoch {epoch})")
        self.step = step
        self.epoch = epoch


@dataclass
class Best:
    """The epoch with the lowest validation error (ties: lowest validation loss, then the earlier)."""

    epoch: int = 0
    error: float = float("inf")
    loss: float = float("inf")
    model: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, epoch: int, error: float, loss: float, model: dict[str, Tensor]) -> None:
        """`model` is a state_dict, copied if it is the best."""
        if (error, loss) < (self.error, self.loss):
            self.epoch, self.error, self.loss = epoch, error, loss
            self.model = {name: value.detach().clone() for name, value in model.items()}


class Run(Protocol):
    """One run as the loop sees it: whole epochs behind it, its best epoch, and how far it is, in words."""

    epoch: int
    best: Best

    @property
    def position(self) -> str: ...


class Engine(ABC):
    """What trains S runs, all at the same place; after an error other than StoppedError it is of no more use.

    Attributes:
        world: the processes that share the work.
        scheduler: of the learning rate.
    """

    world: World
    scheduler: LRScheduler

    @abstractmethod
    def train_epoch(self) -> Tensor:
        """Train to the end of the epoch; loss and penalty of each of its steps, (steps, S, 2) float64 on the CPU.

        Raises:
            StoppedError: before a step.
        """

    @abstractmethod
    def validate(self) -> Sequence[EpochMetrics]:
        """`error` and `loss` of each run on its validation split."""

    @abstractmethod
    def weights(self, run: int) -> dict[str, Tensor]:
        """state_dict of what is validated; it changes with the next step."""

    @abstractmethod
    def save(self, left_out: Container[int] = ()) -> None:
        """Write the checkpoints of all runs but these."""

    @property
    def within_epoch(self) -> bool:
        """Whether steps were taken since the last whole epoch."""
        return False

    def end_epoch(self) -> None:  # noqa: B027 - most have nothing to do
        """The next step is the first of the next epoch."""


def fit(
    runs: Sequence[Run],
    engine: Engine,
    until: int,
    checkpoint_every: int,
    on_epoch: Callable[[int, dict[int, EpochMetrics]], None],
    before_save: Callable[[], None],
) -> dict[int, NonFiniteLossError]:
    """Train up to the epoch `until`, or to the first epoch in which a run diverges.

    Args:
        runs: all after the same epoch.
        engine: of these runs.
        until: an epoch.
        checkpoint_every: epochs between checkpoints; more where they would take too much of the time.
        on_epoch: is told each epoch and the metrics of each run that has not diverged in it.
        before_save: called before checkpoints are written.

    Returns:
        which runs (their places) diverged and how; all others stand after the same epoch, with checkpoints written.

    Raises:
        StoppedError: this process was asked to stop; where it is has been saved.
    """
    saved, saving_seconds = time.monotonic(), 0.0
    diverged: dict[int, NonFiniteLossError] = {}
    epoch = runs[0].epoch

    def save() -> None:
        nonlocal saved, saving_seconds
        before_save()
        began = time.monotonic()
        engine.save(diverged)
        saved = time.monotonic()
        saving_seconds = saved - began

    def save_if_due() -> None:
        waited = time.monotonic() - saved >= saving_seconds * (1 / SAVING_SHARE - 1)
        if (waited and epoch % checkpoint_every == 0) or epoch == until or diverged:
            save()

    while epoch < until and not diverged:
        try:
            history = engine.train_epoch()
            diverged = _diverged(history, epoch)
            if len(diverged) == len(runs):
                break
            validation = engine.validate()
            diverged = _diverged_at_last(validation, len(history), epoch) | diverged
            if len(diverged) == len(runs):
                break
        except StoppedError as error:
            if epoch or engine.within_epoch:
                engine.world.on_main_process(save)
            raise StoppedError(f"{error} {runs[0].position}") from error
        epoch += 1
        metrics: dict[int, EpochMetrics] = {}
        for run, (train_loss, penalty) in enumerate(history.mean(dim=0).tolist()):
            if run in diverged:
                continue
            validated = validation[run]
            runs[run].epoch = epoch
            runs[run].best.offer(epoch, validated["error"], validated["loss"], engine.weights(run))
            metrics[run] = {
                "train_loss": train_loss,
                "penalty": penalty,
                "lr": float(engine.scheduler.get_last_lr()[0]),
            }
            metrics[run] |= {"validation_loss": validated["loss"], "validation_error": validated["error"]}
        engine.end_epoch()
        engine.world.on_main_process(partial(on_epoch, epoch, metrics))
        engine.world.on_main_process(save_if_due)
    return diverged


def _diverged(history: Tensor, epoch: int) -> dict[int, NonFiniteLossError]:
    """The first loss of each run in this epoch that is not finite; `history` is (steps, S, 2)."""
    losses = history[:, :, 0]
    found = {}
    for run in (~losses.isfinite().all(dim=0)).nonzero().flatten().tolist():
        step = int((~losses[:, run].isfinite()).nonzero()[0])
        found[run] = NonFiniteLossError(epoch * len(losses) + step, epoch, float(losses[step, run]))
    return found


def _diverged_at_last(validation: Sequence[EpochMetrics], steps: int, epoch: int) -> dict[int, NonFiniteLossError]:
    """The runs that the last of the epoch's steps made diverge, of which no training loss can tell any more."""
    losses = {run: metrics["loss"] for run, metrics in enumerate(validation)}
    last = epoch * steps + steps - 1
    return {
        run: NonFiniteLossError(last, epoch, loss, is_validation=True)
        for run, loss in losses.items()
        if not math.isfinite(loss)
    }
