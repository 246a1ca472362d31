"""The data of S runs that are trained at once: tensors, each run's own, or graphs that all of them share."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from mixupe.data.base import Split
from mixupe.data.graphs.flat import FlatGraphs, GraphBatch
from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.classification import error_and_loss, evaluation_batch
from mixupe.training.loop import EpochMetrics
from mixupe.training.memory import keep_freed_memory
from mixupe.training.vmapped_layers import Replacements

LogitsOf = Callable[[Any], Tensor]


class StackedData(Protocol):
    """Training and validation splits of S runs.

    Attributes:
        axis: of the runs in a batch's inputs; None where they share them.
    """

    axis: int | None

    def batch(self, rows: Tensor) -> tuple[Any, Tensor]:
        """Inputs and labels (R, B) of `rows` (R, B) int64, in the concatenated training splits."""

    def validate(self, logits_of: LogitsOf) -> list[EpochMetrics]:
        """`error` and `loss` of each run; `logits_of` gives logits (S, B, K) of inputs."""

    def layers(self) -> Replacements:
        """What `vmappable` needs for networks that take such data."""


def stacked_data(splits: Sequence[tuple[Split, Split]]) -> StackedData:
    """Of the training and the validation split of each run; graphs must be the same for all runs."""
    train, validation = zip(*splits, strict=True)
    if all(isinstance(split, FlatGraphs) for split in (*train, *validation)):
        return _SharedGraphs(train[0], validation[0], len(train))
    assert all(isinstance(split, TensorSplit) for split in (*train, *validation))
    return _Tensors(cast(Sequence[TensorSplit], train), cast(Sequence[TensorSplit], validation))


class _Tensors:
    """Validation splits may differ in size."""

    axis: int | None = 0

    def __init__(self, train: Sequence[TensorSplit], validation: Sequence[TensorSplit]) -> None:
        self._inputs = torch.cat([split.inputs for split in train])
        self._targets = torch.cat([split.targets for split in train])
        self._validation = nn.utils.rnn.pad_sequence([split.inputs for split in validation], batch_first=True)
        self._labels = [split.labels for split in validation]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self._inputs[rows], self._targets[rows]

    def validate(self, logits_of: LogitsOf) -> list[EpochMetrics]:
        """From a GPU, all logits come in one transfer."""
        batch = evaluation_batch(self._validation.shape[2:])
        parts = [logits_of(part) for part in torch.split(self._validation, batch, dim=1)]
        logits = torch.cat(parts, dim=1).cpu()
        return [error_and_loss(of_run[: len(y)], y) for of_run, y in zip(logits, self._labels, strict=True)]

    def layers(self) -> Replacements:
        return {}


class _SharedGraphs:
    axis: int | None = None

    def __init__(self, train: FlatGraphs, validation: FlatGraphs, runs: int) -> None:
        keep_freed_memory()
        self._train = train
        self._runs = runs
        self._labels = validation.labels
        # So many graphs at a time that all runs' take the room that a single run's do.
        places = torch.split(torch.arange(len(self._labels)), max(1, evaluation_batch((runs,)) // runs))
        self._validation = [graphs for graphs, _ in validation.batches(places)]

    def batch(self, rows: Tensor) -> tuple[GraphBatch, Tensor]:
        """The rows of all runs are those of the first: the same seed gives the same order."""
        ((graphs, labels),) = self._train.batches([rows[0].cpu()])
        return graphs, labels.expand(self._runs, -1)

    def validate(self, logits_of: LogitsOf) -> list[EpochMetrics]:
        logits = torch.cat([logits_of(graphs) for graphs in self._validation], dim=1).cpu()
        return [error_and_loss(of_run, self._labels) for of_run in logits]

    def layers(self) -> Replacements:
        from mixupe.training.vmapped_graphs import graph_layers  # PyTorch Geometric is slow to import

        return graph_layers()
