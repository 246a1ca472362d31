"""One optimizer for the parameters of several runs: it works element by element, so each run's step is its own."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.training.loop import Trainer
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings, build_optimizer, build_scheduler

# Numbers in the widest vector register (AVX-512). Fused CPU kernels take what is left of a tensor after whole registers
# one by one, with other rounding.
VECTOR = 16


class StackedOptimizer:
    """Optimizer and schedule of S runs, all after the same step.

    Args:
        parameters: each (S, ...).
        trainers: the S runs, whose optimizer and schedule are gone on with.
        optimizer, scheduler: their settings.
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
        self._rows = [
            [nn.Parameter(run) for run in p.detach().unbind()]
            if p.device.type == "cpu" and p[0].numel() % VECTOR
            else []
            for p in parameters
        ]
        first = trainers[0]
        updated = [one for p, rows in zip(parameters, self._rows, strict=True) for one in (rows or [p])]
        self._optimizer = build_optimizer(optimizer, nn.ParameterList(updated))
        self._scheduler = build_scheduler(scheduler, self._optimizer, first.settings.epochs, first.steps_per_epoch)
        self._optimizer.load_state_dict(self._joined([trainer.optimizer.state_dict() for trainer in trainers]))
        self._scheduler.load_state_dict(first.scheduler.state_dict())

    @property
    def lr(self) -> float:
        return float(self._scheduler.get_last_lr()[0])

    def zero_grad(self) -> None:
        for p in self._parameters:
            p.grad = None

    def step(self) -> None:
        for p, rows in zip(self._parameters, self._rows, strict=True):
            if rows and p.grad is not None:
                for row, gradient in zip(rows, p.grad.unbind(), strict=True):
                    row.grad = gradient
        self._optimizer.step()
        self._scheduler.step()

    def hand_over(self, run: int, trainer: Trainer) -> None:
        """Bring a single run's optimizer and schedule to where they are here."""
        state = self._optimizer.state_dict()
        parts: dict[int, dict[str, Any]] = {}
        at = 0
        for index, (p, rows) in enumerate(zip(self._parameters, self._rows, strict=True)):
            of_parameter = state["state"].get(at + run if rows else at, {})
            parts[index] = {
                key: value[run].clone() if isinstance(value, Tensor) and value.shape == p.shape else _copy(value)
                for key, value in of_parameter.items()
            }
            at += len(rows) or 1
        groups = [{**group, "params": list(parts)} for group in state["param_groups"]]
        trainer.optimizer.load_state_dict({"state": parts, "param_groups": groups})
        trainer.scheduler.load_state_dict(self._scheduler.state_dict())

    def _joined(self, states: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """States of single runs as one: what there is of each element is stacked, the count of steps is shared."""
        joined: dict[int, dict[str, Any]] = {}
        at = 0
        for index, rows in enumerate(self._rows):
            of_runs = [state["state"].get(index, {}) for state in states]
            if rows:
                joined.update({at + run: one for run, one in enumerate(of_runs)})
            else:
                joined[at] = {
                    key: torch.stack([one[key] for one in of_runs])
                    if isinstance(value, Tensor) and value.dim() > 0
                    else _copy(value)
                    for key, value in of_runs[0].items()
                }
            at += len(rows) or 1
        groups = [{**group, "params": list(range(at))} for group in states[0]["param_groups"]]
        return {"state": {index: one for index, one in joined.items() if one}, "param_groups": groups}


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
