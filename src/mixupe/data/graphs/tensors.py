"""What is known of a set of graphs once its files are read, and how it becomes a data set."""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings, DataSpec
from mixupe.data.graphs.flat import FlatGraphs, offsets_of, rows_of
from mixupe.data.splits import Examples, Indices


@dataclass(frozen=True)
class GraphTable:
    """G graphs as they were read: nothing scaled, categories still integers.

    Attributes:
        edge_index: (2, edges) int64, numbered within each graph; edges of one graph are together, in the graphs' order.
        node_counts, edge_counts: (G,) int64.
        node_values, edge_values: (nodes or edges, any) float32, continuous; zero columns where there are none.
        node_categories, edge_categories: (nodes or edges, any) integer, each column 0 to its size - 1.
        node_sizes, edge_sizes: number of categories of each of those columns.
        format: how graphs of this kind are written in files and what their categories stand for, for new ones
            (`new_graphs`).
    """

    edge_index: Tensor
    node_counts: Tensor
    edge_counts: Tensor
    node_values: Tensor
    node_categories: Tensor
    node_sizes: tuple[int, ...]
    edge_values: Tensor
    edge_categories: Tensor
    edge_sizes: tuple[int, ...]
    format: dict[str, Any] | None = None

    def select(self, index: Tensor) -> Self:
        """The graphs at `index`, (n,) int64."""
        nodes, _ = rows_of(offsets_of(self.node_counts), index, index.device)
        edges, _ = rows_of(offsets_of(self.edge_counts), index, index.device)
        return replace(
            self,
            edge_index=self.edge_index[:, edges],
            node_counts=self.node_counts[index],
            edge_counts=self.edge_counts[index],
            node_values=self.node_values[nodes],
            node_categories=self.node_categories[nodes],
            edge_values=self.edge_values[edges],
            edge_categories=self.edge_categories[edges],
        )


def graph_bundle(
    table: GraphTable,
    labels: Tensor,
    class_names: tuple[str, ...],
    settings: DatasetSettings,
    request: DataRequest,
    *,
    test: Indices | None = None,
    notes: tuple[str, ...] = (),
) -> DataBundle:
    """Split, standardise the continuous features by the training graphs, one-hot the categories.

    Args:
        labels: (G,) int64 class indices.
        test: (n,) indices of the set's own test part.
    """
    indexes = Examples(labels=labels.numpy(), class_names=class_names, test=test).split(settings, request)
    is_train = torch.zeros(len(labels), dtype=torch.bool)
    is_train[torch.from_numpy(indexes.train)] = True
    nodes = _statistics(table.node_values[is_train.repeat_interleave(table.node_counts)])
    edges = _statistics(table.edge_values[is_train.repeat_interleave(table.edge_counts)])
    graphs = flat_graphs(table, labels, nodes, edges)
    edge_features = 0 if graphs.edge_attr is None else graphs.edge_attr.shape[1]
    return indexes.bundle(
        DataSpec("graphs", class_names, (graphs.x.shape[1],), edge_features=edge_features),
        lambda part: graphs.select(torch.from_numpy(part)),
        notes,
        None if table.format is None else {**table.format, "nodes": nodes, "edges": edges},
    )


def flat_graphs(
    table: GraphTable, labels: Tensor, nodes: tuple[Tensor, Tensor] | None, edges: tuple[Tensor, Tensor] | None
) -> FlatGraphs:
    """The graphs as a network takes them.

    Args:
        table: G graphs.
        labels: (G,) int64 class indices.
        nodes, edges: mean and standard deviation of each continuous feature over the training graphs, float64.
    """
    edge_attr = _features(_standardised(table.edge_values, edges), table.edge_categories, table.edge_sizes)
    return FlatGraphs(
        x=_features(_standardised(table.node_values, nodes), table.node_categories, table.node_sizes),
        edge_index=table.edge_index,
        edge_attr=edge_attr if edge_attr.shape[1] else None,
        node_offsets=F.pad(table.node_counts.cumsum(0), (1, 0)),
        edge_offsets=F.pad(table.edge_counts.cumsum(0), (1, 0)),
        targets=labels,
    )


def _statistics(train: Tensor) -> tuple[Tensor, Tensor] | None:
    """Mean and standard deviation (1 for a column that is constant) of (rows, columns); None where there is no value."""
    if train.numel() == 0:
        return None
    train = train.double()
    mean, std = train.mean(dim=0), train.std(dim=0, correction=0)
    std[std == 0] = 1.0
    return mean, std


def _standardised(values: Tensor, statistics: tuple[Tensor, Tensor] | None) -> Tensor:
    if statistics is None:
        return values
    mean, std = statistics
    return ((values.double() - mean) / std).float()


def _features(values: Tensor, categories: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Continuous columns, then one one-hot block a categorical column: (rows, all columns) float32."""
    result = torch.zeros(len(values), values.shape[1] + sum(sizes))
    result[:, : values.shape[1]] = values
    start = values.shape[1]
    for column, size in zip(categories.unbind(dim=1), sizes, strict=True):
        result[:, start : start + size].scatter_(1, column.long().unsqueeze(1), 1.0)
        start += size
    return result
