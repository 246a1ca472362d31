"""The graph isomorphism network as its paper has it (Xu et al., ICLR 2019; GIN-0), with a non-linear head.

`layers` counts the input, as that paper's own code does: five layers are the input and four convolutions. Each of these adds
up the neighbours and applies a perceptron of two layers, with BatchNorm and ReLU between the two and after them. The readout
is the sum of the nodes after every layer, the input included, side by side. The paper's own head is a linear one for each
layer; here it is one perceptron, so that mixing the readout is not mixing the logits, as the MixupE paper has it; with
BatchNorm as in the layers, without which the sums, large and of any scale, leave its ReLU dead at the paper's learning rate.
Edge features are not used.
"""

import torch
from torch import Tensor, nn
from torch_geometric.nn import GINConv, global_add_pool

from mixupe.data.base import DataSpec
from mixupe.data.graphs.flat import GraphBatch
from mixupe.models.dropout import Dropout
from mixupe.models.settings import GIN5Settings


class SumReadout(nn.Module):
    """What is known of the nodes, a list of (nodes, F_i), and the graph of each, (nodes,) -> (B, sum F_i), sums of them."""

    def forward(self, nodes: list[Tensor], batch: Tensor, num_graphs: int) -> Tensor:
        readout: Tensor = global_add_pool(torch.cat(nodes, dim=1), batch, size=num_graphs)
        return readout


class GIN5(nn.Module):
    """GraphBatch of B graphs -> (B, K) logits. The input of `head` is the readout, (B, features + (layers - 1) * hidden)."""

    def __init__(self, features: int, classes: int, config: GIN5Settings) -> None:
        super().__init__()
        hidden = config.hidden
        widths = [features, *[hidden] * (config.layers - 1)]
        self.convolutions = nn.ModuleList(GINConv(_perceptron(width, hidden)) for width in widths[:-1])
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in widths[:-1])
        self.readout = SumReadout()
        self.head = nn.Sequential(
            *(nn.Linear(sum(widths), hidden), nn.BatchNorm1d(hidden), nn.ReLU()),
            *(Dropout(config.dropout), nn.Linear(hidden, classes)),
        )

    def forward(self, graphs: GraphBatch) -> Tensor:
        nodes = [graphs.x]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            nodes.append(norm(convolution(nodes[-1], graphs.edge_index)).relu())
        logits: Tensor = self.head(self.readout(nodes, graphs.batch, graphs.num_graphs))
        return logits


def _perceptron(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, hidden))


def build(config: GIN5Settings, spec: DataSpec) -> nn.Module:
    (features,) = spec.input_shape
    return GIN5(features, spec.num_classes, config)
