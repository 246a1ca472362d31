"""What the graph networks share: an encoder of nodes, a readout a graph, and a classifier head."""

from torch import Tensor, nn
from torch_geometric.nn import global_add_pool, global_mean_pool
from torch_geometric.nn.models.basic_gnn import BasicGNN

from mixupe.data.graphs.flat import GraphBatch
from mixupe.models.settings import GNNSettings


def encoder_settings(settings: GNNSettings) -> dict[str, object]:
    """Arguments that every encoder of PyTorch Geometric takes."""
    return {
        "hidden_channels": settings.hidden,
        "num_layers": settings.layers,
        "dropout": settings.dropout,
        "norm": "batch_norm",
        "jk": "cat",
    }


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
