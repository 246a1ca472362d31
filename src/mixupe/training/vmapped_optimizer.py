"""One optimizer for the parameters of several runs: it works element by element, so each run's step is its own."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings, build_optimizer, build_scheduler
from mixupe.training.trainer import Trainer

# Numbers in the widest vector register (AVX-512). Fused CPU kernels take what is left of a tensor after whole registers
# one by one, with other rounding.
VECTOR = 16


class StackedOptimizer:
    """Optimizer and schedule of S runs, all after the same step.

    Args:
        parameters: each (S, ...), in the order of a model's.
        trainers: the S runs, whose optimizer and schedule are gone on with.
        optimizer, scheduler: their settings.

    Attributes:
        optimizer, scheduler: torch's.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        trainers: Sequence[Trainer],
        optimizer: OptimizerSettings,
        scheduler: SchedulerSettings,
    ) -> None:
        self._parameters = parameters
        # A small tensor such as the bias of a classifier is one tensor a run, as in a single run: bit for bit the same.
        self._rows = [_rows(p) if p.device.type == "cpu" and p[0].numel() % VECTOR else [] for p in parameters]
        leaves = [rows or [p] for p, rows in zip(parameters, self._rows, strict=True)]
        first = trainers[0]
        self.optimizer = build_optimizer(optimizer, nn.ParameterList(chain.from_iterable(leaves)))
        self.scheduler = build_scheduler(scheduler, self.optimizer, first.settings.epochs, first.steps_per_epoch)
        self.scheduler.load_state_dict(first.scheduler.state_dict())
        self.optimizer.param_groups[0]["lr"] = first.optimizer.param_groups[0]["lr"]
        states = [[trainer.optimizer.state[p] for p in trainer.model.parameters()] for trainer in trainers]
        for p, rows, of_runs in zip(parameters, self._rows, zip(*states, strict=True), strict=True):
            if rows:
                self.optimizer.state.update(zip(rows, map(_copy, of_runs), strict=True))
            else:
                self.optimizer.state[p] = _stacked(of_runs)

    def hand_over(self, run: int, trainer: Trainer) -> None:
        """Bring a single run's optimizer and schedule to where they are here."""
        for p, rows, own in zip(self._parameters, self._rows, trainer.model.parameters(), strict=True):
            state = self.optimizer.state[rows[run]] if rows else _row(self.optimizer.state[p], run, p.shape)
            trainer.optimizer.state[own] = _copy(state)
        trainer.optimizer.param_groups[0]["lr"] = self.optimizer.param_groups[0]["lr"]
        trainer.scheduler.load_state_dict(self.scheduler.state_dict())


State = dict[str, Any]


def _rows(parameter: nn.Parameter) -> list[nn.Parameter]:
    """A parameter for each run, in the same memory, which gets its gradient whenever the whole gets one."""
    rows = [nn.Parameter(row) for row in parameter.detach().unbind()]
    parameter.register_post_accumulate_grad_hook(partial(_hand_down, rows))  # type: ignore[no-untyped-call]
    return rows


def _hand_down(rows: Sequence[nn.Parameter], parameter: Tensor) -> None:
    assert parameter.grad is not None
    for row, gradient in zip(rows, parameter.grad.unbind(), strict=True):
        row.grad = gradient


def _stacked(states: Sequence[State]) -> State:
    """What there is of each element is stacked, the count of steps is shared."""
    return {
        key: torch.stack([state[key] for state in states]) if isinstance(value, Tensor) and value.dim() > 0 else value
        for key, value in _copy(states[0]).items()
    }


def _row(state: State, run: int, shape: torch.Size) -> State:
    return {
        key: value[run] if isinstance(value, Tensor) and value.shape == shape else value for key, value in state.items()
    }


def _copy(state: State) -> State:
    return {key: value.clone() if isinstance(value, Tensor) else value for key, value in state.items()}
