"""From SMILES to graphs with RDKit: equal molecules merged, atoms and bonds described by PyTorch Geometric's features."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.utils.smiles import e_map, from_rdmol, x_map

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.content import file_digest
from mixupe.data.graphs.tensors import GraphTable, graph_bundle
from mixupe.errors import UserError
from mixupe.files import replacing

# Raised when a change of this module changes what it makes of the same file.
FORMAT = 1


@dataclass(frozen=True)
class Molecules:
    """The rows of a file, as they stand there.

    Attributes:
        smiles: one a row; None for a row that could not be read.
        labels: class index of each row.
        is_test: whether each row is of the set's own test part; None where it has none.
    """

    smiles: Sequence[str | None]
    labels: Sequence[int]
    is_test: Sequence[bool] | None = None


def chem() -> Any:
    """The module rdkit.Chem, without its messages about single molecules: what cannot be read is counted here.

    Raises:
        UserError: RDKit is not installed.
    """
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise UserError(
            "dataset: molecules need RDKit; install it with `pip install -c constraints.txt -e '.[molecules]'`"
        ) from error
    rdBase.DisableLog("rdApp.*")
    return Chem


def molecule_bundle(
    paths: Sequence[Path],
    read: Callable[[], Molecules],
    class_names: tuple[str, ...],
    settings: DatasetSettings,
    request: DataRequest,
    *,
    stereo: bool = True,
) -> DataBundle:
    """Merge, featurise and split molecules; the features are cached below the data root.

    Args:
        paths: the files that `read` reads; the cache is keyed by their contents.
        stereo: False takes stereoisomers as one molecule.

    Raises:
        UserError: a file is missing, or RDKit is.
    """
    chem()
    for path in paths:
        if not path.is_file():
            raise UserError(f"dataset: {path} is not there; fetch {settings.name} again")
    key = hashlib.sha256(f"{FORMAT} {version('rdkit')} {stereo} {settings.loader}".encode())
    for path in paths:
        key.update(bytes.fromhex(file_digest(path)))
    cache = request.root / "cache" / "molecules" / f"{settings.name}-{key.hexdigest()[:16]}.pt"
    parts = _cached(cache, lambda: featurise(read(), stereo))
    table = molecule_table(parts, stereo)
    test = parts["is_test"].nonzero().squeeze(1).numpy() if "is_test" in parts else None
    notes = (*parts["notes"], f"features made by RDKit {version('rdkit')}")
    return graph_bundle(table, parts["labels"], class_names, settings, request, test=test, notes=notes)


def molecule_table(parts: dict[str, Any], stereo: bool) -> GraphTable:
    """The graphs of `stacked_molecules`."""
    return GraphTable(
        edge_index=parts["edge_index"].long(),
        node_counts=parts["node_counts"],
        edge_counts=parts["edge_counts"],
        node_values=torch.zeros(len(parts["nodes"]), 0),
        node_categories=parts["nodes"],
        node_sizes=tuple(len(values) for values in x_map.values()),
        edge_values=torch.zeros(len(parts["edges"]), 0),
        edge_categories=parts["edges"],
        edge_sizes=tuple(len(values) for values in e_map.values()),
        format={"format": "smiles", "stereo": stereo},
    )


def featurise(molecules: Molecules, stereo: bool) -> dict[str, Any]:
    """Tensors of the distinct molecules, in the order of their first row; and `notes` on what was merged or left out.

    A molecule is its canonical SMILES. Where rows of one molecule disagree in the label, all are left out; where one of
    them is a test row, the molecule is in the test part. A UserError where none is left.
    """
    smiles_of_row = [canonical(smiles, stereo) for smiles in molecules.smiles]
    labels: dict[str, set[int]] = {}
    is_test: dict[str, bool] = {}
    for row, smiles in enumerate(smiles_of_row):
        if smiles is not None:
            labels.setdefault(smiles, set()).add(molecules.labels[row])
            in_test = molecules.is_test is not None and molecules.is_test[row]
            is_test[smiles] = is_test.get(smiles, False) or in_test
    consistent = [smiles for smiles, found in labels.items() if len(found) == 1]
    if not consistent:
        raise UserError("dataset: the files hold no readable molecule with one class")
    graphs = {smiles: graph for smiles in consistent if (graph := molecule_graph(smiles)) is not None}

    rows, readable = len(smiles_of_row), sum(smiles is not None for smiles in smiles_of_row)
    counts = {
        f"of {rows} rows could not be read as a molecule and were left out": rows - readable,
        f"of {rows} rows repeat a molecule{'' if stereo else ' or a stereoisomer of it'} and were merged with it": (
            readable - len(labels)
        ),
        f"of {len(labels)} molecules have rows of different classes and were left out": len(labels) - len(consistent),
        f"of {len(labels)} molecules have an atom or bond that no feature describes and were left out": (
            len(consistent) - len(graphs)
        ),
    }
    result = {
        **stacked_molecules(list(graphs.values())),
        "labels": torch.tensor([next(iter(labels[smiles])) for smiles in graphs], dtype=torch.int64),
        "notes": [f"{count} {text}" for text, count in counts.items() if count],
    }
    if molecules.is_test is not None:
        result["is_test"] = torch.tensor([is_test[smiles] for smiles in graphs])
    return result


def canonical(smiles: str | None, stereo: bool) -> str | None:
    """RDKit's canonical SMILES; None for what it cannot read or what has no atom."""
    molecule = chem().MolFromSmiles(smiles) if smiles else None
    if molecule is None or molecule.GetNumAtoms() == 0:
        return None
    return str(chem().MolToSmiles(molecule, isomericSmiles=stereo))


def molecule_graph(smiles: str) -> Any:
    """PyTorch Geometric's Data with integer features; None where a feature has a value it does not know."""
    try:
        return from_rdmol(chem().MolFromSmiles(smiles))
    except ValueError:
        return None


def stacked_molecules(graphs: list[Any]) -> dict[str, Tensor]:
    """Of G molecules as `molecule_graph` makes them, with N atoms and E edges in all: nodes (N, 9) and edges (E, 3) uint8,
    edge_index (2, E) int16 within each molecule, node_counts and edge_counts (G,) int64.
    """
    # Every feature has fewer than 256 values and every molecule fewer than 32,768 atoms.
    return {
        "nodes": torch.cat([graph.x for graph in graphs]).to(torch.uint8),
        "edges": torch.cat([graph.edge_attr for graph in graphs]).to(torch.uint8),
        "edge_index": torch.cat([graph.edge_index for graph in graphs], dim=1).to(torch.int16),
        "node_counts": torch.tensor([graph.num_nodes for graph in graphs], dtype=torch.int64),
        "edge_counts": torch.tensor([graph.num_edges for graph in graphs], dtype=torch.int64),
    }


def _cached(path: Path, build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if path.is_file():
        loaded: dict[str, Any] = torch.load(path, weights_only=True)
        return loaded
    built = build()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        torch.save(built, partial)
    return built
