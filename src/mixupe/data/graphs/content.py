"""What a set of graphs holds, whatever the order of its graphs and however its files are written."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from mixupe.data.graphs.flat import offsets_of
from mixupe.data.graphs.tu_files import TUGraphs


def graph_content(graphs: TUGraphs) -> tuple[str, Tensor]:
    """SHA-256 over all graphs, and the order of their hashes, (G,) int64.

    Labels of graphs, nodes and edges count by their rank, edges as a set, continuous attributes as float32; the
    numbering of the nodes within a graph counts.
    """
    table = graphs.table
    nodes, edges = (offsets_of(counts).tolist() for counts in (table.node_counts, table.edge_counts))
    of_nodes = [table.node_categories.long().numpy(), table.node_values.numpy()]
    of_edges = [
        table.edge_index.T.contiguous().numpy(),
        table.edge_categories.long().numpy(),
        table.edge_values.numpy(),
    ]
    hashes = []
    for graph, label in enumerate(graphs.labels.tolist()):
        node_rows, edge_rows = slice(*nodes[graph : graph + 2]), slice(*edges[graph : graph + 2])
        digest = hashlib.sha256(b"%d %d" % (label, node_rows.stop - node_rows.start))
        for rows, arrays in ((node_rows, of_nodes), (edge_rows, of_edges)):
            for array in arrays:
                digest.update(b"|" + np.ascontiguousarray(array[rows]).tobytes())
        hashes.append(digest.hexdigest())
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    whole = hashlib.sha256("".join(hashes[graph] for graph in order).encode()).hexdigest()
    return whole, torch.tensor(order)
