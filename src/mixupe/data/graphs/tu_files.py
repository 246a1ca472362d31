"""The text files of the TUDataset collection: NAME_A.txt, NAME_graph_indicator.txt, NAME_graph_labels.txt and options.

Read here and not with `torch_geometric.io.read_tu_data`, which trusts its files: it drops a last line without a line
break, takes the nodes as sorted by graph, gives edges between two graphs a wrong number, and takes half a minute for
a set the size of COLLAB. On sound files both give the same graphs (a test compares them). Nothing pickled is read.
"""

import hashlib
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch_geometric.utils import coalesce, degree, remove_self_loops

from mixupe.data.content import file_digest
from mixupe.data.graphs.settings import TUSettings
from mixupe.data.graphs.tensors import GraphTable
from mixupe.data.graphs.tu_text import Integers, read_floats, read_integers
from mixupe.errors import UserError

REQUIRED = ("A", "graph_indicator", "graph_labels")
OPTIONAL = ("node_labels", "node_attributes", "edge_labels", "edge_attributes")


@dataclass(frozen=True)
class TUFolder:
    """The folder that holds the files whose names start with `prefix` and an underscore."""

    folder: Path
    prefix: str

    def path(self, part: str) -> Path:
        return self.folder / f"{self.prefix}_{part}.txt"

    def missing(self) -> list[str]:
        """Names of the files that are needed and not there."""
        return [self.path(part).name for part in REQUIRED if not self.path(part).is_file()]

    def unread(self) -> list[str]:
        """Names of the files that begin with the prefix and are none of the format's."""
        known = {self.path(part).name for part in (*REQUIRED, *OPTIONAL)}
        return sorted(path.name for path in self.folder.glob(f"{escape(self.prefix)}_*") if path.name not in known)

    def digest(self) -> str:
        """SHA-256 over the names and contents of the files that are read."""
        whole = hashlib.sha256()
        for part in (*REQUIRED, *OPTIONAL):
            if self.path(part).is_file():
                whole.update(f"{part}:{file_digest(self.path(part))}\n".encode())
        return whole.hexdigest()


@dataclass(frozen=True)
class TUGraphs:
    """What is in the files: G graphs in their order.

    Attributes:
        labels: (G,) int64 class indices.
        class_names: K labels as they are written, sorted as numbers.
        notes: what was left out or made up.
    """

    table: GraphTable
    labels: Tensor
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def read_graphs(files: TUFolder, settings: TUSettings) -> TUGraphs:
    """Read and check the files.

    Raises:
        UserError: a file is missing or broken.
    """
    if missing := files.missing():
        raise UserError(f"dataset: {files.folder} has no {missing[0]}")
    notes = [f"files {files.prefix}_*.txt have the SHA-256 {files.digest()}"]
    graph_of_node = _column(files, "graph_indicator", notes) - 1
    raw_labels = _column(files, "graph_labels", notes)
    classes, labels = np.unique(raw_labels, return_inverse=True)
    _check_card(files, settings, len(labels), len(classes))
    if len(classes) < 2:
        raise UserError(
            f"dataset: {files.path('graph_labels')} holds one class only, {classes[0]}; at least 2 are needed"
        )
    table = graph_table(files, graph_of_node, len(labels), settings, notes)
    class_names = tuple(str(name) for name in classes)
    return TUGraphs(table, torch.from_numpy(labels.astype(np.int64)), class_names, tuple(notes))


def read_unlabelled(files: TUFolder, settings: TUSettings, known: dict[str, Any]) -> tuple[GraphTable, tuple[str, ...]]:
    """Graphs for a trained model, and notes; a file of their labels is not needed and not read.

    Args:
        files: the new graphs.
        settings: of the set that the model was trained on.
        known: `GraphTable.format` of that set.

    Raises:
        UserError: a file is missing or broken, or holds a label that training did not have.
    """
    absent = [part for part in REQUIRED if part != "graph_labels" and not files.path(part).is_file()]
    if absent:
        raise UserError(f"file: {files.folder} has no {files.path(absent[0]).name}")
    notes: list[str] = []
    graph_of_node = _column(files, "graph_indicator", notes) - 1
    table = graph_table(files, graph_of_node, int(graph_of_node.max(initial=0)) + 1, settings, notes, known)
    return table, tuple(notes)


def graph_table(
    files: TUFolder,
    graph_of_node: Integers,
    graphs: int,
    settings: TUSettings,
    notes: list[str],
    known: dict[str, Any] | None = None,
) -> GraphTable:
    """The graphs; what is left out or added on the way goes into the notes.

    Args:
        files, settings: as `read_graphs`.
        graph_of_node: (nodes,).
        graphs: how many there are.
        notes: are appended to.
        known: what categories stand for; None takes all that occur.

    Raises:
        UserError: as `read_graphs`.
    """
    _check_graphs(files, graph_of_node, graphs)
    edges = _integers(files, "A", notes) - 1
    _check_edges(files, edges, graph_of_node)
    known, nodes = known or {}, len(graph_of_node)
    node_categories, node_labels = _categories(files, "node_labels", nodes, notes, known.get("node_labels"))
    edge_categories, edge_labels = _categories(files, "edge_labels", len(edges), notes, known.get("edge_labels"))
    node_sizes, edge_sizes = tuple(map(len, node_labels)), tuple(map(len, edge_labels))
    degrees_known: list[int] | None = known.get("degrees")
    node_values = _values(files, "node_attributes", nodes, settings.node_attributes)
    edge_values = _values(files, "edge_attributes", len(edges), settings.edge_attributes)

    # Nodes in the order of their graphs, in case the file mixes them; edges then follow by coalescing.
    order = np.argsort(graph_of_node, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(nodes)
    edge_index, kept = remove_self_loops(torch.from_numpy(place[edges].T), torch.arange(len(edges)))
    # An edge listed twice is one edge and has the features of its first line.
    edge_index, kept = coalesce(edge_index, kept, nodes, reduce="min")
    if len(kept) < len(edges):
        notes.append(f"{len(edges) - len(kept)} edges that are self-loops or listed twice were left out")
    edge_index, kept = _both_ways(edge_index, kept, nodes, settings.undirected, notes, is_new=bool(known))
    if not node_sizes and not node_values.shape[1]:
        degrees = degree(edge_index[1], nodes, dtype=torch.long)[torch.from_numpy(place)].unsqueeze(1)
        if settings.max_degree is None:
            node_categories, (degrees_known,) = _coded(
                degrees, None if degrees_known is None else [degrees_known], "a node's degree"
            )
            distinct = degrees_known
            node_sizes = (len(distinct),)
            notes.append(f"nodes have no features: the {len(distinct)} degrees that occur are used")
        else:
            node_categories, node_sizes = degrees.clamp_max(settings.max_degree), (settings.max_degree + 1,)
            notes.append(f"nodes have no features: their degrees up to {settings.max_degree} are used")

    node_counts = torch.from_numpy(np.bincount(graph_of_node, minlength=graphs))
    graph_of_sorted = torch.from_numpy(graph_of_node[order])
    first_node = node_counts.cumsum(0) - node_counts
    graph_of_edge = graph_of_sorted[edge_index[0]]
    return GraphTable(
        edge_index=edge_index - first_node[graph_of_edge],
        node_counts=node_counts,
        edge_counts=torch.bincount(graph_of_edge, minlength=graphs),
        node_values=node_values[torch.from_numpy(order)],
        node_categories=node_categories[torch.from_numpy(order)],
        node_sizes=node_sizes,
        edge_values=edge_values[kept],
        edge_categories=edge_categories[kept],
        edge_sizes=edge_sizes,
        format={"format": "tu", "node_labels": node_labels, "edge_labels": edge_labels, "degrees": degrees_known},
    )


def _both_ways(
    edge_index: Tensor, kept: Tensor, nodes: int, undirected: bool, notes: list[str], is_new: bool
) -> tuple[Tensor, Tensor]:
    """The edges, with the other direction of those that are listed in one only, if that is wanted.

    Args:
        edge_index: (2, E), coalesced.
        kept: (E,) the line of each edge.
        is_new: for a trained model, which no key changes any more.
    """
    source, target = edge_index
    there, back = source * nodes + target, target * nodes + source
    one_way = int((~torch.isin(back, there)).sum())
    if not one_way:
        return edge_index, kept
    listed = f"{one_way} of {len(kept)} edges are listed in one direction only"
    if not undirected:
        advice = "" if is_new else "; dataset.undirected=true adds it"
        notes.append(f"{listed} and pass no message in the other{advice}")
        return edge_index, kept
    notes.append(f"{listed}: the other was added")
    # An edge that is listed itself keeps its own line: it comes first.
    both = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    lines = torch.cat([kept, kept + int(kept.max()) + 1])
    both, lines = coalesce(both, lines, nodes, reduce="min")
    return both, lines % (int(kept.max()) + 1)


def _categories(
    files: TUFolder, part: str, rows: int, notes: list[str], known: list[list[int]] | None
) -> tuple[Tensor, list[list[int]]]:
    """Each column's values as 0 to size - 1, and what they stand for; no column where there is no such file."""
    if known is not None and bool(known) != files.path(part).is_file():
        raise UserError(
            f"file: the model was trained {'with' if known else 'without'} the file {files.path(part).name}"
        )
    if not files.path(part).is_file():
        return torch.zeros(rows, 0, dtype=torch.long), []
    values = torch.from_numpy(_integers(files, part, notes))
    _check_rows(files, part, len(values), rows)
    return _coded(values, known, str(files.path(part)))


def _coded(values: Tensor, known: list[list[int]] | None, what: str) -> tuple[Tensor, list[list[int]]]:
    """(rows, columns) values as 0 to size - 1 in each column, and its values, sorted; `known` gives them."""
    if known is None:
        known = [np.unique(column).tolist() for column in values.numpy().T]
    if len(known) != values.shape[1]:
        raise UserError(f"file: {what} has {values.shape[1]} columns instead of {len(known)}")
    codes = []
    for column, of_column in zip(values.unbind(dim=1), known, strict=True):
        sorted_values = torch.tensor(of_column, dtype=column.dtype)
        code = torch.searchsorted(sorted_values, column.contiguous()).clamp_max(len(of_column) - 1)
        unseen = column[sorted_values[code] != column]
        if len(unseen):
            raise UserError(f"file: {what} holds {int(unseen[0])}, which training did not have")
        codes.append(code)
    return torch.stack(codes, dim=1), known


def _values(files: TUFolder, part: str, rows: int, wanted: bool) -> Tensor:
    if not wanted or not files.path(part).is_file():
        return torch.zeros(rows, 0)
    values = read_floats(files.path(part))
    _check_rows(files, part, len(values), rows)
    return torch.from_numpy(values).float()


def _integers(files: TUFolder, part: str, notes: list[str]) -> Integers:
    values, said = read_integers(files.path(part))
    notes.extend(said)
    return values


def _column(files: TUFolder, part: str, notes: list[str]) -> Integers:
    values = _integers(files, part, notes)
    if values.shape[1] != 1:
        raise UserError(f"dataset: {files.path(part)} has {values.shape[1]} columns, one is allowed")
    return values[:, 0]


def _check_card(files: TUFolder, settings: TUSettings, graphs: int, classes: int) -> None:
    """Stands in for a checksum where none is known: a set that was cut off or mixed up has other counts."""
    for what, count, expected in (
        ("graphs", graphs, settings.card.examples),
        ("classes", classes, settings.card.classes),
    ):
        if expected is not None and count != expected:
            raise UserError(
                f"dataset: {files.path('graph_labels')} holds {count} {what}, {settings.name} has {expected}; replace the"
                " files"
            )


def _check_graphs(files: TUFolder, graph_of_node: Integers, graphs: int) -> None:
    if (row := _first((graph_of_node < 0) | (graph_of_node >= graphs))) is not None:
        raise UserError(
            f"dataset: {files.path('graph_indicator')} row {row + 1} names graph {graph_of_node[row] + 1},"
            f" {files.path('graph_labels').name} has the graphs 1 to {graphs}"
        )
    if (empty := _first(np.bincount(graph_of_node, minlength=graphs) == 0)) is not None:
        raise UserError(f"dataset: {files.path('graph_indicator')} gives no node to graph {empty + 1}")


def _check_edges(files: TUFolder, edges: Integers, graph_of_node: Integers) -> None:
    path, nodes = files.path("A"), len(graph_of_node)
    if edges.shape[1] != 2:
        raise UserError(f"dataset: {path} has {edges.shape[1]} columns, two node numbers are allowed")
    if (row := _first(((edges < 0) | (edges >= nodes)).any(axis=1))) is not None:
        raise UserError(
            f"dataset: {path} row {row + 1} joins the nodes {edges[row, 0] + 1} and {edges[row, 1] + 1}, allowed are"
            f" 1 to {nodes}"
        )
    if (row := _first(np.diff(graph_of_node[edges]).any(axis=1))) is not None:
        raise UserError(
            f"dataset: {path} row {row + 1} joins the nodes {edges[row, 0] + 1} and {edges[row, 1] + 1} of two graphs"
        )


def _first(wrong: npt.ArrayLike) -> int | None:
    """The first place where something is wrong, of (n,) bool."""
    places = np.flatnonzero(wrong)
    return int(places[0]) if len(places) else None


def _check_rows(files: TUFolder, part: str, rows: int, wanted: int) -> None:
    if rows != wanted:
        unit, counterpart = ("nodes", "graph_indicator") if part.startswith("node") else ("edges", "A")
        raise UserError(
            f"dataset: {files.path(part)} has {rows} rows for the {wanted} {unit} of {files.path(counterpart).name}"
        )
