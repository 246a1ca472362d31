"""Graphs kept as a few flat tensors on the device; a batch is gathered there, without a list of small objects.

Building a batch from a list of graph objects costs more than a small network's training step; gathering rows does not.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class GraphBatch:
    """B graphs as one graph of B parts, as PyTorch Geometric's `Batch`.

    Attributes:
        x: (nodes, F) float32.
        edge_index: (2, edges) int64, source and target node of each edge, numbered in this batch.
        edge_attr: (edges, D) float32, or None where edges have no features.
        batch: (nodes,) int64, the graph of each node, ascending.
        num_graphs: B.
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor | None
    batch: Tensor
    num_graphs: int


@dataclass(frozen=True)
class FlatGraphs:
    """G graphs, one after the other; a split is one of these.

    Attributes:
        x: (all nodes, F) float32.
        edge_index: (2, all edges) int64, nodes numbered from 0 within their graph.
        edge_attr: (all edges, D) float32 or None.
        node_offsets, edge_offsets: (G + 1,) int64, always on the CPU; graph g has the nodes (edges) [offset g, g + 1).
        targets: (G,) int64.
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor | None
    node_offsets: Tensor
    edge_offsets: Tensor
    targets: Tensor

    @property
    def labels(self) -> Tensor:
        return self.targets.cpu()

    def gather(self, index: Tensor) -> GraphBatch:
        """The graphs at `index`, (B,) int64 on the CPU."""
        device = self.x.device
        nodes, owner = rows_of(self.node_offsets, index, device)
        edges, edge_owner = rows_of(self.edge_offsets, index, device)
        first_node = offsets_of(self.node_offsets.diff()[index])[:-1].to(device, non_blocking=True)
        return GraphBatch(
            x=self.x[nodes],
            edge_index=self.edge_index[:, edges] + first_node[edge_owner],
            edge_attr=None if self.edge_attr is None else self.edge_attr[edges],
            batch=owner,
            num_graphs=len(index),
        )

    def select(self, index: Tensor) -> Self:
        """The graphs at `index`, (n,) int64 on the CPU, as flat tensors of their own."""
        nodes, _ = rows_of(self.node_offsets, index, self.x.device)
        edges, _ = rows_of(self.edge_offsets, index, self.x.device)
        return replace(
            self,
            x=self.x[nodes],
            edge_index=self.edge_index[:, edges],
            edge_attr=None if self.edge_attr is None else self.edge_attr[edges],
            node_offsets=offsets_of(self.node_offsets.diff()[index]),
            edge_offsets=offsets_of(self.edge_offsets.diff()[index]),
            targets=self.targets[index.to(self.targets.device)],
        )

    def batches(
        self,
        indices: Iterable[Tensor],
        augment: torch.Generator | None = None,  # noqa: ARG002 - such data has no augmentation but mixing
        skip: Container[int] = (),
    ) -> Iterator[tuple[GraphBatch, Tensor]]:
        for number, index in enumerate(indices):
            if number in skip:
                continue
            yield self.gather(index), self.targets[index.to(self.targets.device, non_blocking=True)]

    def mean_input(self) -> None:
        """Graphs have no common shape, hence no mean; where they are mixed, the readout's running mean stands in."""

    def to(self, device: torch.device) -> Self:
        return replace(
            self,
            x=self.x.to(device),
            edge_index=self.edge_index.to(device),
            edge_attr=None if self.edge_attr is None else self.edge_attr.to(device),
            targets=self.targets.to(device),
        )


def offsets_of(counts: Tensor) -> Tensor:
    """(n + 1,) int64 first places of n groups of these sizes, (n,) int64, and the end."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def rows_of(offsets: Tensor, index: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Flat rows of some graphs, and for each row its graph's place among them; both (rows,) int64 on `device`.

    Args:
        offsets: (G + 1,) int64 on the CPU, where each graph's rows begin.
        index: (B,) int64 on the CPU, the graphs.
    """
    starts, counts = offsets[index], offsets.diff()[index]
    new_starts = offsets_of(counts)
    # The total is known on the CPU, so nothing here waits for the device.
    total = int(new_starts[-1])
    places = torch.arange(len(index), device=device)
    owner = torch.repeat_interleave(places, counts.to(device, non_blocking=True), output_size=total)
    shifts = (starts - new_starts[:-1]).to(device, non_blocking=True)
    rows = torch.arange(total, device=device) + shifts[owner]
    return rows, owner
