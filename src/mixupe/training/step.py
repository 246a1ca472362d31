"""The training step: forward passes and loss, backward pass, optimizer, schedule.

All that a step does to the weights is said here. The same code takes the step of one run and of S runs at once, whose
parameters and losses have one more axis (`mixupe.training.vmapped`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True)
class Batch:
    """A micro-batch: what the method is called with at a time.

    Attributes:
        inputs: (B, ...) float, or anything else the model takes (graphs); (R, B, ...) of R runs.
        labels: (B,) int64 class indices; (R, B) of R runs.
        draws: what the method draws from (a generator), or of several runs what has been drawn.
        share: of the step's loss; None is 1.
        runs: (R,) int64 on the CPU, which of S runs these are; None for all.
    """

    inputs: Any
    labels: Tensor
    draws: Any
    share: float | None = None
    runs: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """One step of the optimizer on all micro-batches of a batch.

    Attributes:
        loss_of: forward passes and loss of the method: its loss and penalty, 0-d; (S,) of S runs.
        parameters: what is trained.
        optimizer, scheduler: each takes one step.
        clip_grad_norm: largest norm of the gradient of all parameters, of one run; None clips nothing.
        exchange: called with losses and penalties between the backward passes and the optimizer, returns what they are
            then: several processes add up there what each of them has.
        after: called at the end, for a moving average of the weights.
    """

    loss_of: Callable[[Batch], tuple[Tensor, Tensor]]
    parameters: Sequence[nn.Parameter]
    optimizer: optim.Optimizer
    scheduler: LRScheduler
    clip_grad_norm: float | None = None
    exchange: Callable[[Tensor], Tensor] = lambda losses: losses
    after: Callable[[], None] = lambda: None

    def __call__(self, batches: Iterable[Batch], losses: Tensor | None = None) -> Tensor:
        """Loss and penalty on the device, (2,), or (S, 2) of S runs.

        Args:
            batches: at least one, unless `losses` is given.
            losses: zeros, for a process that has no micro-batch.
        """
        for parameter in self.parameters:  # optimizer.zero_grad() without its bookkeeping
            parameter.grad = None
        for batch in batches:
            loss, penalty = self.loss_of(batch)
            if batch.share is not None:
                loss, penalty = batch.share * loss, batch.share * penalty
            # Of several runs too, each parameter gets the gradient of its own run's loss.
            loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]
            both = torch.stack([loss.detach(), penalty.detach()], dim=-1)
            losses = both if losses is None else losses + both
        assert losses is not None
        losses = self.exchange(losses)
        if self.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip_grad_norm)
        self.optimizer.step()
        self.scheduler.step()
        self.after()
        return losses
