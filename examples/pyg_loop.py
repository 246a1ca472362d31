"""MixupE on graphs with PyTorch Geometric, mixed at the readout: python examples/pyg_loop.py"""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GraphConv, global_mean_pool

from mixupe import MixupE

torch.manual_seed(0)


def cycle_or_star(label: int) -> Data:
    """What tells the two classes apart are the degrees of the nodes."""
    size = int(torch.randint(5, 10, ()))
    nodes = torch.arange(size)
    edges = torch.stack([nodes, nodes.roll(1)]) if label else torch.stack([torch.zeros(size - 1).long(), nodes[1:]])
    return Data(x=torch.ones(size, 1), edge_index=torch.cat([edges, edges.flip(0)], dim=1), y=torch.tensor([label]))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = GraphConv(1, 32), GraphConv(32, 32), nn.Linear(32, 2)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        h = self.second(self.first(x, edge_index).relu(), edge_index).relu()
        logits: Tensor = self.head(global_mean_pool(h, batch))
        return logits


graphs = [cycle_or_star(number % 2) for number in range(200)]
model = Net()
mixupe = MixupE(mix_at="head")
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(10):
    for data in DataLoader(graphs[:150], batch_size=30, shuffle=True):
        inputs = (data.x, data.edge_index, data.batch)
        loss = mixupe(model, inputs, data.y, forward=lambda model, inputs: model(*inputs)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
test = next(iter(DataLoader(graphs[150:], batch_size=50)))
with torch.no_grad():
    accuracy = (model(test.x, test.edge_index, test.batch).argmax(1) == test.y).float().mean().item()
print(f"accuracy {accuracy:.3f}")
