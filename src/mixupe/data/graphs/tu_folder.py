"""A user's own graphs: a folder of files in TUDataset's format."""

from pathlib import Path

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.graphs.settings import TUFolderSettings
from mixupe.data.graphs.tensors import graph_bundle
from mixupe.data.graphs.tu_files import OPTIONAL, REQUIRED, TUFolder, read_graphs
from mixupe.errors import UserError


def load(config: TUFolderSettings, request: DataRequest) -> DataBundle:
    files = _files(config.path)
    graphs = read_graphs(files, config)
    notes = graphs.notes
    if unread := files.unread():
        notes += (f"{', '.join(unread)} not read: features are in the files NAME_{', _'.join(OPTIONAL)}.txt",)
    return graph_bundle(graphs.table, graphs.labels, graphs.class_names, config, request, notes=notes)


def content_version(config: TUFolderSettings) -> str:
    """SHA-256 over the files; part of a run's identity in place of the path."""
    return _files(config.path).digest()


def _files(folder: Path) -> TUFolder:
    if not folder.is_dir():
        raise UserError(f"dataset.path: {folder} is not a folder")
    prefixes = prefixes_in(folder)
    if not prefixes and (raw := prefixes_in(folder / "raw")):
        folder, prefixes = folder / "raw", raw
    needed = ", ".join(f"NAME_{part}.txt" for part in REQUIRED)
    if len(prefixes) != 1:
        found = f"several ({', '.join(prefixes)})" if prefixes else "none"
        raise UserError(f"dataset.path: {folder} must have one set of files {needed}; found {found}")
    files = TUFolder(folder, prefixes[0])
    if missing := files.missing():
        raise UserError(f"dataset.path: {folder} has no {missing[0]}; a set has {needed}")
    return files


def prefixes_in(folder: Path) -> list[str]:
    """What stands before _A.txt, without the hidden files that macOS leaves on foreign disks."""
    return sorted(path.name.removesuffix("_A.txt") for path in folder.glob("*_A.txt") if not path.name.startswith("."))
