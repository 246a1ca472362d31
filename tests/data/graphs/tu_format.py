"""Small sets of graphs written in exactly the layout of the TUDataset collection."""

from pathlib import Path

import numpy as np

OPTIONS = ("node_labels", "node_attributes", "edge_labels", "edge_attributes")


def write_tu_set(folder: Path, name: str, options: tuple[str, ...] = OPTIONS, graphs: int = 24, seed: int = 0) -> Path:
    """Rings (class 1) and paths (class -1) of 4 to 7 nodes, both directions of every edge listed, ids from 1.

    Node labels mark the nodes with two neighbours, so a network can tell the classes apart.
    """
    rng = np.random.default_rng(seed)
    lines: dict[str, list[str]] = {part: [] for part in ("A", "graph_indicator", "graph_labels", *OPTIONS)}
    first = 1
    for graph in range(graphs):
        size, is_ring = int(rng.integers(4, 8)), graph % 2 == 0
        lines["graph_labels"].append("1" if is_ring else "-1")
        pairs = [(i, (i + 1) % size) for i in range(size if is_ring else size - 1)]
        both = sorted([*pairs, *((j, i) for i, j in pairs)])
        lines["A"] += [f"{first + i}, {first + j}" for i, j in both]
        lines["edge_labels"] += [str((i + j) % 2) for i, j in both]
        lines["edge_attributes"] += [f"{abs(i - j)}.5, 2.0" for i, j in both]
        for node in range(size):
            lines["graph_indicator"].append(str(graph + 1))
            lines["node_labels"].append(str(int(is_ring or 0 < node < size - 1)))
            lines["node_attributes"].append(f"{rng.normal(100, 20):.6f}, {rng.normal():.6f}")
        first += size
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("A", "graph_indicator", "graph_labels", *options):
        (folder / f"{name}_{part}.txt").write_text("\n".join(lines[part]) + "\n", encoding="utf-8")
    return folder
