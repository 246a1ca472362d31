"""New graphs for a trained model: a folder in TUDataset's format, or molecules as SMILES."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mixupe.data.base import DatasetSettings, DataSpec, Preparation
from mixupe.data.graphs.molecules import canonical, molecule_graph, molecule_table, stacked_molecules
from mixupe.data.graphs.settings import TUSettings
from mixupe.data.graphs.tensors import GraphTable, flat_graphs
from mixupe.data.graphs.tu_files import TUFolder, read_unlabelled
from mixupe.data.graphs.tu_folder import prefixes_in
from mixupe.data.new_files import NewExamples
from mixupe.errors import UserError


def read(source: Any, settings: DatasetSettings, spec: DataSpec, preparation: Preparation) -> NewExamples:
    """As `mixupe.data.new_files.read_new`.

    A model of TUDataset's format takes a folder of such files (NAME_graph_labels.txt may be missing); one of molecules takes
    a text file with a SMILES at the beginning of each line, or a list of SMILES.

    Raises:
        UserError: the features are not those that the model was trained with, or a line is no molecule.
    """
    notes: tuple[str, ...] = ()
    if preparation["format"] == "smiles":
        kind, (names, table) = "molecule", _molecules(source, preparation["stereo"])
    else:
        assert isinstance(settings, TUSettings)  # the only other format
        table, notes = read_unlabelled(_folder(Path(source)), settings, preparation)
        kind, names = "graph", tuple(str(number) for number in range(1, len(table.node_counts) + 1))
    graphs = flat_graphs(table, torch.zeros(len(names), dtype=torch.int64), preparation["nodes"], preparation["edges"])
    width = 0 if graphs.edge_attr is None else graphs.edge_attr.shape[1]
    if (graphs.x.shape[1], width) != (*spec.input_shape, spec.edge_features):
        raise UserError(
            f"file: nodes have {graphs.x.shape[1]} and edges {width} features, the model was trained with"
            f" {spec.input_shape[0]} and {spec.edge_features}"
        )
    return NewExamples(kind, names, graphs, notes)


def _folder(folder: Path) -> TUFolder:
    prefixes = prefixes_in(folder)
    if len(prefixes) != 1:
        found = f"several ({', '.join(prefixes)})" if prefixes else "none"
        raise UserError(f"file: {folder} must be a folder with one set of files NAME_A.txt and so on; found {found}")
    return TUFolder(folder, prefixes[0])


def _molecules(source: Any, stereo: bool) -> tuple[tuple[str, ...], GraphTable]:
    if isinstance(source, Sequence) and not isinstance(source, str):
        texts = {number: str(smiles) for number, smiles in enumerate(source, start=1)}
    else:
        path = Path(source)
        if not path.is_file():
            raise UserError(f"file: {path} is not a file; give one with a SMILES at the beginning of each line")
        # Names may follow, in any encoding.
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        texts = {number: line.split()[0] for number, line in enumerate(lines, start=1) if line.strip()}
    graphs = []
    for number, text in texts.items():
        smiles = canonical(text, stereo)
        graph = None if smiles is None else molecule_graph(smiles)
        if graph is None:
            raise UserError(f"file: line {number} of {source}: {text!r} cannot be read as a molecule")
        graphs.append(graph)
    if not graphs:
        raise UserError(f"file: {source} holds no molecule")
    return tuple(texts.values()), molecule_table(stacked_molecules(graphs), stereo)
