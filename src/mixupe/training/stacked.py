"""Many runs of one small network, differing in seed, alpha and eta, trained at once on one device.

A small network leaves a processor waiting: most of a step is the cost of starting its operations. A stack takes the
step of S runs in the operations of one, on tensors with one more axis. Each run draws from its own streams what it would
draw alone, and its losses, gradients and optimizer steps are its own; so it has the record of its single run up to
rounding, and where the linear algebra library rounds a batch of products as it does single ones, bit for bit.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mixupe import stopping
from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.classification import error_and_loss, evaluation_batch
from mixupe.training.loop import SAVING_SHARE, Best, EpochMetrics, NonFiniteLossError, Trainer
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings
from mixupe.training.stacked_draws import Batch, StackedDraws, StackedDropout
from mixupe.training.stacked_loss import StackedLoss
from mixupe.training.stacked_network import StackedNetwork
from mixupe.training.stacked_optimizer import StackedOptimizer


def shapes_of(trainer: Trainer) -> tuple[object, ...]:
    """Equal for trainers that can be stacked: steps an epoch, and the shapes of the parameters."""
    return trainer.steps_per_epoch, *((name, p.shape) for name, p in trainer.model.named_parameters())


class Stack:
    """Trains several trainers at once, all at the same epoch and of equal `shapes_of`.

    Each trainer is up to date again whenever its checkpoint has been written.

    Args:
        trainers: of runs whose settings differ in seed, alpha and eta alone.
        optimizer, scheduler: their settings.
    """

    def __init__(self, trainers: Sequence[Trainer], optimizer: OptimizerSettings, scheduler: SchedulerSettings) -> None:
        first = trainers[0]
        self.trainers = list(trainers)
        self.settings = first.settings
        self.epoch = first.epoch
        train = [_tensors(trainer.train) for trainer in trainers]
        self._inputs = torch.cat([split.inputs for split in train])
        self._targets = torch.cat([split.targets for split in train])
        self._validation = _Validation([_tensors(trainer.validation) for trainer in trainers])

        self._loss = StackedLoss([trainer.augmentation for trainer in trainers], first.device)
        models = [trainer.model for trainer in trainers]
        self.network = StackedNetwork(models, self._loss.mix_at, self._loss.joint)
        seeds = [trainer.seed for trainer in trainers]
        self._draws = StackedDraws(
            seeds,
            [trainer.examples for trainer in trainers],
            self.settings.batch_size,
            self._loss.alphas,
            len(self._loss.mix_at),
            first.device,
        )
        self._dropout = StackedDropout(seeds, self.network.dropouts(self._inputs[0]), first.device)
        weights = list(self.network.parameters.values())
        self._optimizer = StackedOptimizer(weights, trainers, optimizer, scheduler)
        self._saved = time.monotonic()
        self._saving_seconds = 0.0
        self._best = [trainer.best for trainer in trainers]
        self._best_weights = [
            torch.stack([(one.best.model or one.model.state_dict())[name] for one in trainers])
            for name in self.network.parameters
        ]

    def fit(
        self,
        until: int,
        on_epoch: Callable[[int, dict[int, EpochMetrics]], None],
        before_save: Callable[[], None],
        seconds: Callable[[], list[float]],
    ) -> dict[int, NonFiniteLossError]:
        """Train up to the epoch `until`, or to the first epoch in which a run diverges.

        Args:
            until: at most the epochs of the run.
            on_epoch: is told each epoch and the metrics of each run that has not diverged in it.
            before_save: called before checkpoints are written.
            seconds: what each run has taken so far, for its checkpoint.

        Returns:
            which runs (their places among the trainers) diverged and how; all others stand after the same epoch, with
            their checkpoints written.

        Raises:
            StoppedError: this process was asked to stop; checkpoints of the last whole epoch have been written.
        """
        diverged: dict[int, NonFiniteLossError] = {}
        while self.epoch < until and not diverged:
            asked_to_stop = stopping.reason()
            if asked_to_stop is not None:
                if self.epoch:
                    before_save()
                    self._save({}, seconds())
                raise stopping.StoppedError(f"{asked_to_stop} after epoch {self.epoch}")
            metrics, diverged = self._train_epoch()
            self.epoch += 1
            for one, (error, loss) in zip(metrics, self._validate(), strict=True):
                one.update(validation_loss=loss, validation_error=error)
            on_epoch(self.epoch, {run: one for run, one in enumerate(metrics) if run not in diverged})
            waited = time.monotonic() - self._saved >= self._saving_seconds * (1 / SAVING_SHARE - 1)
            if (waited and self.epoch % self.settings.checkpoint_every == 0) or self.epoch == until or diverged:
                before_save()
                self._save(diverged, seconds())
        return diverged

    def _train_epoch(self) -> tuple[list[EpochMetrics], dict[int, NonFiniteLossError]]:
        self._dropout.start(self.epoch)
        steps = self._draws.epoch(self.epoch)
        history = torch.stack([self._train_step(batches) for batches in steps]).double().cpu()
        finite = history[:, :, 0].isfinite()
        diverged = {}
        for run in (~finite.all(dim=0)).nonzero().flatten().tolist():
            at = int((~finite[:, run]).nonzero()[0])
            value = float(history[at, run, 0])
            diverged[run] = NonFiniteLossError(self.epoch * len(steps) + at, self.epoch, value)
        means = history.mean(dim=0).tolist()
        return [{"train_loss": loss, "penalty": penalty, "lr": self._optimizer.lr} for loss, penalty in means], diverged

    def _train_step(self, batches: Sequence[Batch]) -> Tensor:
        """One optimizer step of every run: losses and penalties, (S, 2) on the device."""
        self._optimizer.zero_grad()
        result = torch.empty(len(self.trainers), 2, device=self._inputs.device)
        total: Tensor | None = None
        for batch in batches:
            x, y = self._inputs[batch.rows], self._targets[batch.rows]
            x.requires_grad_(self._loss.takes_gradient)
            passes = [self._pass(x, batch, mixed) for mixed in self._loss.passes]
            losses, penalties = self._loss(passes, x, y, batch.lam, batch.perm, batch.members)
            both = torch.stack([losses.detach(), penalties], dim=1)
            result[slice(None) if batch.members is None else batch.members] = both
            total = losses.sum() if total is None else total + losses.sum()
        assert total is not None
        # Of the sum over runs, each run's gradient is that of its own loss.
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return result

    def _pass(self, x: Tensor, batch: Batch, mixed: bool) -> Tensor:
        rows = x.shape[1] * (2 if mixed and self._loss.joint else 1)
        mixing = (batch.lam, batch.perm, batch.point) if mixed else ()
        return self.network(x, mixing, self._dropout.masks(rows, batch.runs), batch.members)

    @torch.no_grad()
    def _validate(self) -> list[tuple[float, float]]:
        """Validation error and loss of every run; new bests are kept."""
        results = self._validation(self.network)
        is_best = [best.is_beaten_by(*result) for best, result in zip(self._best, results, strict=True)]
        for run, (error, loss) in enumerate(results):
            if is_best[run]:
                self._best[run] = Best(self.epoch, error, loss)
        chosen = torch.tensor(is_best, device=self._inputs.device)
        for kept, now in zip(self._best_weights, self.network.parameters.values(), strict=True):
            torch.where(chosen.view(-1, *[1] * (now.dim() - 1)), now, kept, out=kept)
        return results

    def _save(self, diverged: dict[int, NonFiniteLossError], seconds: Sequence[float]) -> None:
        """Bring the trainers up to date, all but the diverged, and write their checkpoints."""
        began = time.monotonic()
        for run, trainer in enumerate(self.trainers):
            if run in diverged:
                continue
            trainer.model.load_state_dict({name: p[run].detach() for name, p in self.network.parameters.items()})
            self._optimizer.hand_over(run, trainer)
            best = {
                name: kept[run].clone() for name, kept in zip(self.network.parameters, self._best_weights, strict=True)
            }
            trainer.best = Best(self._best[run].epoch, self._best[run].error, self._best[run].loss, best)
            trainer.epoch = self.epoch
            trainer.save(seconds[run])
        self._saved = time.monotonic()
        self._saving_seconds = self._saved - began


class _Validation:
    """The validation splits of several runs, which may differ in size."""

    def __init__(self, splits: Sequence[TensorSplit]) -> None:
        self._inputs = nn.utils.rnn.pad_sequence([split.inputs for split in splits], batch_first=True)
        self._labels = [split.labels for split in splits]
        self._batch = evaluation_batch(self._inputs.shape[2:])

    def __call__(self, network: StackedNetwork) -> list[tuple[float, float]]:
        """Error in percent and mean cross-entropy in nats of every run; from a GPU, all logits come in one transfer."""
        parts = [network(part) for part in torch.split(self._inputs, self._batch, dim=1)]
        results = []
        for logits, labels in zip(torch.cat(parts, dim=1).cpu(), self._labels, strict=True):
            of_run = error_and_loss(logits[: len(labels)], labels)
            results.append((of_run["error"], of_run["loss"]))
        return results


def _tensors(split: Any) -> TensorSplit:
    assert isinstance(split, TensorSplit)
    return split
