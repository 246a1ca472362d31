"""What several runs draw in an epoch, each from its own streams, as tensors that are moved to the device once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mixupe.augmentation.draw import draw_variates, lam_of
from mixupe.streams import generator, stream_seed
from mixupe.training.batches import batch_indices


@dataclass(frozen=True)
class Batch:
    """Batches of one size B, one of each of S runs.

    Attributes:
        runs: which runs, S numbers.
        members: the same as (S,) int64 on the device; None for all runs.
        rows: (S, B) int64, row numbers in the concatenated training splits.
        lam: (S,) float32; perm: (S, B) int64; point: (S,) int64, index of the mix point.
    """

    runs: Sequence[int]
    members: Tensor | None
    rows: Tensor
    lam: Tensor
    perm: Tensor
    point: Tensor


class StackedDraws:
    """The streams `order` and `mix` of S runs with equally many steps an epoch.

    Args:
        seeds: of the runs.
        examples: training examples of each run; they may differ, so that the last batches differ in size.
        batch_size: examples a step.
        alphas: of each run's lam; empty where nothing is mixed.
        points: number of mix points to choose from.
        device: where the tensors are wanted.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        examples: Sequence[int],
        batch_size: int,
        alphas: Sequence[float],
        points: int,
        device: torch.device,
    ) -> None:
        self._seeds = seeds
        self._examples = examples
        self._batch_size = batch_size
        self._alphas = torch.tensor(alphas, dtype=torch.float64)
        self._gamma_shapes = [torch.full((2,), alpha + 1, dtype=torch.float64) for alpha in alphas]
        self._points = points
        self._device = device
        self._first_rows = [sum(examples[:index]) for index in range(len(examples))]
        # sizes[run][step] of the batches, the same in every epoch
        self._sizes = [[len(one) for one in batch_indices(torch.arange(count), batch_size)] for count in examples]
        self._groups = [self._groups_of(step) for step in range(self.steps)]
        self._random = torch.Generator()

    @property
    def steps(self) -> int:
        return len(self._sizes[0])

    def epoch(self, epoch: int) -> list[list[Batch]]:
        """For each step its batches, one for each size that occurs."""
        runs, widest = len(self._seeds), max(map(max, self._sizes))
        rows = torch.zeros(self.steps, runs, widest, dtype=torch.int64)
        for run in range(runs):
            order = torch.randperm(self._examples[run], generator=generator(self._seeds[run], "order", epoch))
            for step, index in enumerate(batch_indices(order + self._first_rows[run], self._batch_size)):
                rows[step, run, : len(index)] = index
        lam, perm, point = self._mixing(epoch, widest)
        rows, lam, perm, point = (one.to(self._device, non_blocking=True) for one in (rows, lam, perm, point))
        return [
            [
                Batch(
                    runs=runs_of_size,
                    members=members,
                    rows=_of(members, rows[step, :, :size]),
                    lam=_of(members, lam[step]),
                    perm=_of(members, perm[step, :, :size]),
                    point=_of(members, point[step]),
                )
                for size, runs_of_size, members in self._groups[step]
            ]
            for step in range(self.steps)
        ]

    def _groups_of(self, step: int) -> list[tuple[int, list[int], Tensor | None]]:
        """Size of a batch, and the runs whose batch has that size."""
        sizes = [of_run[step] for of_run in self._sizes]
        groups: list[tuple[int, list[int], Tensor | None]] = []
        for size in sorted(set(sizes)):
            runs = [run for run, of_run in enumerate(sizes) if of_run == size]
            everyone = len(runs) == len(sizes)
            groups.append((size, runs, None if everyone else torch.tensor(runs, device=self._device)))
        return groups

    def _mixing(self, epoch: int, widest: int) -> tuple[Tensor, Tensor, Tensor]:
        """lam (T, S), perm (T, S, B) and mix point (T, S), drawn as the methods draw for one batch."""
        runs = len(self._seeds)
        perm = torch.zeros(self.steps, runs, widest, dtype=torch.int64)
        point = torch.zeros(self.steps, runs, dtype=torch.int64)
        if not len(self._alphas):
            return torch.ones(self.steps, runs), perm, point
        variates = []
        for step in range(self.steps):
            for run, seed in enumerate(self._seeds):
                self._random.manual_seed(stream_seed(seed, "mix", epoch * self.steps + step))
                variates.append(draw_variates(self._gamma_shapes[run], self._random))
                torch.randperm(
                    self._sizes[run][step], generator=self._random, out=perm[step, run, : self._sizes[run][step]]
                )
                if self._points > 1:
                    point[step, run] = torch.randint(self._points, (), generator=self._random)
        uniform, gamma = (torch.stack(one).view(self.steps, runs, 2) for one in zip(*variates, strict=True))
        return lam_of(uniform, gamma, self._alphas.view(-1, 1)).float(), perm, point


class StackedDropout:
    """The masks of S runs' dropouts: what torch's global generator, seeded a run and an epoch, would draw.

    Args:
        seeds: of the runs.
        dropouts: p and shape for one example of each dropout, in the order of a pass.
        device: where the masks are wanted.
    """

    def __init__(
        self, seeds: Sequence[int], dropouts: Sequence[tuple[float, torch.Size]], device: torch.device
    ) -> None:
        self._seeds = seeds
        self._dropouts = dropouts
        self._device = device
        self._randoms: list[torch.Generator] = []

    def start(self, epoch: int) -> None:
        self._randoms = [generator(seed, "dropout", epoch) for seed in self._seeds]

    def masks(self, rows: int, runs: Sequence[int]) -> list[Tensor]:
        """The next pass of these runs: for each dropout (S, rows, ...), 0, or 1 / (1 - p) for what is kept."""
        masks = []
        for p, shape in self._dropouts:
            mask = torch.empty(len(runs), rows, *shape)
            for of_run, run in zip(mask.unbind(), runs, strict=True):
                of_run.bernoulli_(1 - p, generator=self._randoms[run])
            masks.append(mask.div_(1 - p).to(self._device, non_blocking=True))
        return masks


def _of(members: Tensor | None, values: Tensor) -> Tensor:
    return values if members is None else values[members]
