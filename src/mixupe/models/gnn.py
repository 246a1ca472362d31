"""Graph networks of PyTorch Geometric: an encoder of the nodes, a readout a graph, and a classifier head.

GCN is the graph convolutional network (Kipf and Welling, ICLR 2017), which makes no use of edge features; GIN the graph
isomorphism network (Xu et al., ICLR 2019), with edge features in its GINE form (Hu et al., ICLR 2020).
"""

from typing import Any

from torch import Tensor, nn
from torch_geometric.nn import GCN, GIN, GINEConv, global_add_pool, global_mean_pool
from torch_geometric.nn.models.basic_gnn import BasicGNN

from mixupe.data.base import DataSpec
from mixupe.data.graphs.flat import GraphBatch
from mixupe.models.settings import GNNSettings


class GINE(GIN):  # type: ignore[misc]
    """PyTorch Geometric's GIN with the layer that adds edge features to the messages."""

    supports_edge_attr = True

    def init_conv(self, in_channels: int, out_channels: int, **kwargs: Any) -> GINEConv:
        return GINEConv(super().init_conv(in_channels, out_channels).nn, **kwargs)


class GraphClassifier(nn.Module):
    """GraphBatch of B graphs -> (B, K) logits.

    The input of `head` is the readout, (B, hidden).
    """

    def __init__(self, encoder: BasicGNN, settings: GNNSettings, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.pool = {"sum": global_add_pool, "mean": global_mean_pool}[settings.readout]
        self.head = nn.Sequential(
            nn.Linear(settings.hidden, settings.hidden),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.hidden, classes),
        )

    def forward(self, graphs: GraphBatch) -> Tensor:
        edge_attr = graphs.edge_attr if self.encoder.supports_edge_attr else None
        nodes = self.encoder(graphs.x, graphs.edge_index, edge_attr=edge_attr)
        logits: Tensor = self.head(self.pool(nodes, graphs.batch, size=graphs.num_graphs))
        return logits


def build(config: GNNSettings, spec: DataSpec) -> nn.Module:
    (features,) = spec.input_shape
    options: dict[str, Any] = {
        "hidden_channels": config.hidden,
        "num_layers": config.layers,
        "dropout": config.dropout,
        "norm": "batch_norm",
        "jk": "cat",
    }
    network = {"gcn": GCN, "gin": GIN}[config.builder]
    if network is GIN and spec.edge_features:
        network, options = GINE, {**options, "edge_dim": spec.edge_features}
    return GraphClassifier(network(features, **options), config, spec.num_classes)
