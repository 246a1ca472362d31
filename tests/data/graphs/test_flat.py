"""Batches gathered from flat tensors are PyTorch Geometric's batches."""

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from mixupe.data.graphs.flat import FlatGraphs


def random_graphs(edge_features: int) -> tuple[list[Data], FlatGraphs]:
    """Seven graphs, the third without edges and the last with one node, as a list and flat."""
    generator = torch.Generator().manual_seed(0)
    graphs = []
    for index, (nodes, edges) in enumerate([(3, 4), (5, 9), (2, 0), (6, 6), (4, 12), (3, 1), (1, 0)]):
        graphs.append(
            Data(
                x=torch.randn(nodes, 4, generator=generator),
                edge_index=torch.randint(nodes, (2, edges), generator=generator),
                edge_attr=torch.randn(edges, edge_features, generator=generator) if edge_features else None,
                y=torch.tensor([index % 3]),
            )
        )

    def offsets(counts: list[int]) -> Tensor:
        return torch.tensor([0, *counts]).cumsum(0)

    flat = FlatGraphs(
        x=torch.cat([graph.x for graph in graphs]),
        edge_index=torch.cat([graph.edge_index for graph in graphs], dim=1),
        edge_attr=torch.cat([graph.edge_attr for graph in graphs]) if edge_features else None,
        node_offsets=offsets([graph.num_nodes for graph in graphs]),
        edge_offsets=offsets([graph.num_edges for graph in graphs]),
        targets=torch.tensor([int(graph.y) for graph in graphs]),
    )
    return graphs, flat


@pytest.mark.parametrize("edge_features", [0, 2])
@pytest.mark.parametrize("index", [[0, 1, 2, 3, 4, 5, 6], [4, 2, 0], [6, 2], [3, 3]])
def test_gathered_batch_is_that_of_pytorch_geometric(index: list[int], edge_features: int) -> None:
    graphs, flat = random_graphs(edge_features)
    expected = Batch.from_data_list([graphs[i] for i in index])
    ((batch, labels),) = flat.batches([torch.tensor(index)])
    assert torch.equal(batch.x, expected.x)
    assert torch.equal(batch.edge_index, expected.edge_index)
    assert torch.equal(batch.batch, expected.batch)
    assert torch.equal(labels, expected.y)
    assert batch.num_graphs == expected.num_graphs
    if edge_features:
        assert batch.edge_attr is not None
        assert torch.equal(batch.edge_attr, expected.edge_attr)
    else:
        assert batch.edge_attr is None


def test_selected_graphs_are_a_split_of_their_own() -> None:
    graphs, flat = random_graphs(edge_features=2)
    chosen = [5, 2, 4]
    part = flat.select(torch.tensor(chosen)).to(torch.device("cpu"))
    assert part.labels.tolist() == [int(graphs[i].y) for i in chosen]
    assert len(part.x) == sum(graphs[i].num_nodes for i in chosen)
    expected = Batch.from_data_list([graphs[4], graphs[5]])
    batch = part.gather(torch.tensor([2, 0]))
    assert torch.equal(batch.x, expected.x)
    assert torch.equal(batch.edge_index, expected.edge_index)


def test_graphs_have_no_mean_input() -> None:
    _, flat = random_graphs(edge_features=0)
    mean: object = flat.mean_input()  # type: ignore[func-returns-value]
    assert mean is None


@pytest.mark.gpu
def test_batches_on_a_gpu_are_those_on_the_cpu() -> None:
    _, flat = random_graphs(edge_features=2)
    index = torch.tensor([4, 2, 0])
    on_cpu, on_gpu = flat.gather(index), flat.to(torch.device("cuda")).gather(index)
    for name in ("x", "edge_index", "edge_attr", "batch"):
        assert getattr(on_gpu, name).is_cuda
        assert torch.equal(getattr(on_gpu, name).cpu(), getattr(on_cpu, name))
