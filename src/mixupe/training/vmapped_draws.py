"""What several runs draw in an epoch, each from its own streams, as tensors that are moved to the device once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mixupe.rng import generator, stream_seed
from mixupe.training.batches import batch_indices

Draw = Callable[[int, torch.Generator | None], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Drawn:
    """Of one step, for R of S runs whose batches are of one size B.

    Attributes:
        runs: which, (R,) int64 on the CPU; None for all.
        rows: (R, B) int64, row numbers in the concatenated training splits.
        drawn: what the method draws, (R, ...) each.
    """

    runs: Tensor | None
    rows: Tensor
    drawn: tuple[Tensor, ...]


@dataclass(frozen=True)
class StackedDraws:
    """The streams `order` and `mix` of S runs with equally many steps an epoch.

    Attributes:
        seeds: of the runs.
        examples: training examples of each run; they may differ, so that the last batches differ in size.
        batch_size: examples a step.
        draws: what the method of each run draws for a batch (`StackPlan`).
        device: where the tensors are wanted.
    """

    seeds: Sequence[int]
    examples: Sequence[int]
    batch_size: int
    draws: Sequence[Draw]
    device: torch.device
    _random: torch.Generator = field(default_factory=torch.Generator, init=False)

    def epoch(self, epoch: int) -> list[list[Drawn]]:
        """For each step what its batches are made of, one for each size that occurs."""
        orders = [self._order(run, epoch) for run in range(len(self.seeds))]
        # (size, runs) -> steps: all batches of an epoch but the last are of one size.
        groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for step, batches in enumerate(zip(*orders, strict=True)):
            for size in sorted(set(map(len, batches))):
                runs = tuple(run for run, rows in enumerate(batches) if len(rows) == size)
                groups.setdefault((size, runs), []).append(step)
        steps: list[list[Drawn]] = [[] for _ in orders[0]]
        for (size, runs), of_group in groups.items():
            everyone = len(runs) == len(self.seeds)
            which = None if everyone else torch.tensor(runs)
            numbers = [(run, epoch * len(steps) + step) for step in of_group for run in runs]
            rows = self._joined([orders[run][step] for step in of_group for run in runs], len(of_group))
            each = [self._drawn(*number, size) for number in numbers]
            drawn = [self._joined(parts, len(of_group)) for parts in zip(*each, strict=True)]
            for place, step in enumerate(of_group):
                steps[step].append(Drawn(which, rows[place], tuple(values[place] for values in drawn)))
        return steps

    def _order(self, run: int, epoch: int) -> list[Tensor]:
        order = torch.randperm(self.examples[run], generator=generator(self.seeds[run], "order", epoch))
        return list(batch_indices(order + sum(self.examples[:run]), self.batch_size))

    def _drawn(self, run: int, step: int, size: int) -> tuple[Tensor, ...]:
        return self.draws[run](size, self._random.manual_seed(stream_seed(self.seeds[run], "mix", step)))

    def _joined(self, tensors: Sequence[Tensor], steps: int) -> Tensor:
        """(steps, R, ...) on the device."""
        joined = torch.stack(list(tensors))
        return joined.view(steps, -1, *joined.shape[1:]).to(self.device, non_blocking=True)
