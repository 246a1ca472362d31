"""Many runs of one small network, differing in seed, alpha and eta, trained at once on one device.

A small network leaves a processor waiting: most of a step is the cost of starting its operations. So the step of S runs is
taken in the operations of one: torch.vmap has the method's own loss stand for all, on weights with one more axis. Each run
draws from its own streams what it would draw alone, and its losses, gradients and optimizer steps are its own; so it has
the record of its single run up to rounding, and where the linear algebra library rounds a batch of products as it does
single ones, bit for bit.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from mixupe import preemption
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.loss import MixedLoss, in_loss_precision
from mixupe.augmentation.method import StackPlan, stack_plan
from mixupe.data.tensors import TensorSplit
from mixupe.rng import generator
from mixupe.training.loop import Engine, EpochMetrics, NonFiniteLossError, fit
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings
from mixupe.training.step import Batch, Step
from mixupe.training.trainer import Trainer
from mixupe.training.vmapped_data import stacked_data
from mixupe.training.vmapped_draws import Drawn, StackedDraws
from mixupe.training.vmapped_layers import cross_entropy, set_generators, vmappable
from mixupe.training.vmapped_optimizer import StackedOptimizer


def shapes_of(trainer: Trainer) -> tuple[object, ...]:
    """Equal for trainers that can be stacked: steps an epoch, the shapes of the parameters and of what the method's plan
    holds (of as many columns, FEAT-MIX may count fewer features), of graphs the seed, too.
    """
    seed = None if isinstance(trainer.train, TensorSplit) else trainer.seed
    parameters = ((name, p.shape) for name, p in trainer.model.named_parameters())
    return seed, trainer.steps_per_epoch, *parameters, *(held.shape for held in _plan(trainer.augmentation).constants)


class Stack(Engine):
    """Trains several trainers at once, all at the same epoch and of equal `shapes_of`.

    Weights and optimizer of each trainer are up to date again whenever its checkpoint has been written.

    Args:
        trainers: of runs whose settings differ in seed (not on graphs), alpha and eta alone.
        optimizer, scheduler: their settings.

    Attributes:
        parameters, buffers: name -> (S, ...).
    """

    def __init__(self, trainers: Sequence[Trainer], optimizer: OptimizerSettings, scheduler: SchedulerSettings) -> None:
        first = trainers[0]
        self.trainers = list(trainers)
        self.settings = first.settings
        self.world = first.world
        self._data = stacked_data([(trainer.train, trainer.validation) for trainer in trainers])

        plans = [_plan(trainer.augmentation) for trainer in trainers]
        constants = zip(*(plan.constants for plan in plans), strict=True)
        self._constants = [torch.stack(tensors).to(first.device) for tensors in constants]
        draws = [plan.draw for plan in plans]
        seeds, examples = [trainer.seed for trainer in trainers], [trainer.examples for trainer in trainers]
        self._draws = StackedDraws(seeds, examples, self.settings.batch_size, draws, first.device)
        self._dropout: list[torch.Generator] = []

        models = [trainer.model.train() for trainer in trainers]
        parameters, buffers = stack_module_state(models)
        self.parameters = {name: nn.Parameter(p.detach()) for name, p in parameters.items()}
        # Of those that are not in the state all runs have the same.
        self.buffers = {name: buffers[name] for name in first.model.state_dict() if name in buffers}
        self._network = _Network(vmappable(first.model, self._data.layers()), plans[0].loss)
        weights = list(self.parameters.values())
        self._optimizer = StackedOptimizer(weights, trainers, optimizer, scheduler)
        self.scheduler = self._optimizer.scheduler
        self._step = Step(self._loss_of, weights, self._optimizer.optimizer, self.scheduler)
        self._seconds: Callable[[], Sequence[float]] = list

    def fit(
        self,
        until: int,
        on_epoch: Callable[[int, dict[int, EpochMetrics]], None],
        before_save: Callable[[], None],
        seconds: Callable[[], Sequence[float]],
    ) -> dict[int, NonFiniteLossError]:
        """`mixupe.training.loop.fit` of these runs; `seconds` is what each has taken so far, for its checkpoint.

        Asked to stop, it does so at the end of an epoch.
        """
        self._seconds = seconds
        return fit(self.trainers, self, until, self.settings.checkpoint_every, on_epoch, before_save)

    def train_epoch(self) -> Tensor:
        preemption.check()
        epoch = self.trainers[0].epoch
        self._network.train()
        self._dropout = [generator(trainer.seed, "dropout", epoch) for trainer in self.trainers]
        return torch.stack([self._step(map(self._batch, step)) for step in self._draws.epoch(epoch)]).double().cpu()

    @torch.no_grad()
    def validate(self) -> list[EpochMetrics]:
        self._network.eval()
        logits_of = torch.vmap(self._network.logits, in_dims=(0, self._data.axis))
        return self._data.validate(partial(logits_of, self.parameters | self.buffers))

    def weights(self, run: int) -> dict[str, Tensor]:
        return {name: value[run] for name, value in (self.parameters | self.buffers).items()}

    def save(self, left_out: Container[int] = ()) -> None:
        """Bring the trainers up to date, all but those left out, and write their checkpoints."""
        for run, (trainer, seconds) in enumerate(zip(self.trainers, self._seconds(), strict=True)):
            if run not in left_out:
                trainer.model.load_state_dict(self.weights(run))
                self._optimizer.hand_over(run, trainer)
                trainer.save(seconds=seconds)

    def _batch(self, step: Drawn) -> Batch:
        return Batch(*self._data.batch(step.rows), step.drawn, runs=step.runs)

    def _loss_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        state: Mapping[str, Tensor] = self.parameters | self.buffers
        dropout, constants, runs = self._dropout, self._constants, None
        if batch.runs is not None:
            runs = batch.runs.to(batch.labels.device, non_blocking=True)
            state = {name: value[runs] for name, value in state.items()}
            dropout = [dropout[run] for run in batch.runs.tolist()]
            constants = [constant[runs] for constant in constants]
        set_generators(self._network, dropout)
        others = batch.labels, *batch.draws, *constants
        axes = 0, self._data.axis, *(0 for _ in others)
        loss, penalty = torch.vmap(self._network.loss, in_dims=axes)(state, batch.inputs, *others)
        if runs is not None:  # 0 for the others
            loss, penalty = (
                values.new_zeros(len(self.trainers)).index_put((runs,), values) for values in (loss, penalty)
            )
        return loss, penalty


class _Network(nn.Module):
    """The model and loss of one run, of weights and buffers that are given."""

    def __init__(self, model: nn.Module, loss: Callable[..., MixedLoss]) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def logits(self, state: Mapping[str, Tensor], x: Any) -> Tensor:
        """Logits (B, K) of x, (B, ...) or a batch of graphs."""
        logits: Tensor = functional_call(self.model, dict(state), (x,), tie_weights=False)
        return in_loss_precision(logits)

    def loss(self, state: Mapping[str, Tensor], *arguments: Any) -> tuple[Tensor, Tensor]:
        """Loss and penalty, 0-d, of x, y, and what the method's plan takes besides."""
        # The method is called with the model itself, which has these weights while it is.
        named = {f"model.{name}": value for name, value in state.items()}
        result: MixedLoss = functional_call(self, named, arguments, tie_weights=False)
        return result.loss, result.penalty

    def forward(self, *arguments: Any) -> MixedLoss:
        return self._loss(self.model, *arguments)


def _plan(method: Augmentation) -> StackPlan:
    ours = copy(method)
    if hasattr(ours, "criterion"):
        ours.criterion = cross_entropy
    plan = stack_plan(ours)
    if plan is None:
        raise TypeError(f"a stack does not know the method {type(method).__name__}")
    return plan
