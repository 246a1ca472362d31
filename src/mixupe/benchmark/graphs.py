"""Graphs: our gathered batches against PyTorch Geometric's DataLoader."""

import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.timing import interleaved, medians, ratio, timed
from mixupe.data.graphs.flat import FlatGraphs

BATCH = 32
# About those of MUTAG's molecules.
NODES, EDGES, FEATURES = 18, 40, 7


def random_graphs(count: int) -> FlatGraphs:
    """Graphs of 9 to 26 nodes and twice as many edges or more, on the CPU."""
    draws = torch.Generator().manual_seed(0)
    nodes = torch.randint(NODES // 2, NODES + NODES // 2, (count,), generator=draws)
    edges = nodes * EDGES // NODES
    most = torch.repeat_interleave(nodes, edges)
    ends = (torch.rand(2, len(most), generator=draws) * most).long()
    return FlatGraphs(
        x=torch.rand(int(nodes.sum()), FEATURES, generator=draws),
        edge_index=ends,
        edge_attr=None,
        node_offsets=F.pad(nodes.cumsum(0), (1, 0)),
        edge_offsets=F.pad(edges.cumsum(0), (1, 0)),
        targets=torch.randint(2, (count,), generator=draws),
    )


def as_list(graphs: FlatGraphs) -> list[Data]:
    """The same graphs as PyTorch Geometric keeps them."""
    single = (graphs.gather(torch.tensor([number])) for number in range(len(graphs.targets)))
    return [Data(x=one.x, edge_index=one.edge_index, y=graphs.targets[i : i + 1]) for i, one in enumerate(single)]


def measure(options: Options, report: Report) -> None:
    """Batches on the device, from either."""
    count = options.size(cpu=2000, gpu=2000, quick=40)
    graphs = random_graphs(count)
    theirs = DataLoader(as_list(graphs), batch_size=BATCH, shuffle=True, pin_memory=options.on_gpu)
    ours = graphs.to(options.device)

    def our_pass() -> None:
        for _ in ours.batches(torch.split(torch.randperm(count), BATCH)):
            pass

    def their_pass() -> None:
        for batch in theirs:
            batch.to(options.device, non_blocking=True)

    contestants = {"pyg": timed(their_pass, options.device), "ours": timed(our_pass, options.device)}
    times = interleaved("data: graphs", contestants, options)
    details = medians(times)
    details["graphs/s, ours"] = 1000 * count / details["ours, ms"]
    how = f"{count} graphs of about {NODES} nodes, batch {BATCH}"
    report.add("graphs_vs_pyg", ratio(times["pyg"], times["ours"]), how, details)
