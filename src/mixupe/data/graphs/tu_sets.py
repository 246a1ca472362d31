"""Public sets of the TUDataset collection: downloaded, put there by hand, from a copy, or out of the package grakel."""

import tempfile
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

import torch
from filelock import FileLock
from torch import Tensor
from torch_geometric.datasets import TUDataset

from mixupe.data.archives import unpack
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.content import check_content
from mixupe.data.copies import copy_folder, find_file
from mixupe.data.download import offline_after
from mixupe.data.graphs.content import graph_content
from mixupe.data.graphs.settings import TUSet
from mixupe.data.graphs.tensors import graph_bundle
from mixupe.data.graphs.tu_files import OPTIONAL, REQUIRED, TUFolder, TUGraphs, read_graphs
from mixupe.data.packages import package_is_here, package_path
from mixupe.errors import UserError, first_line


def load(config: TUSet, request: DataRequest) -> DataBundle:
    fetch(config, request.root)
    files = _files(config, request.root)
    if config.files_sha256 not in (None, digest := files.digest()):
        raise UserError(
            f"dataset.files_sha256: the files {files.prefix}_*.txt in {files.folder} have {digest}, expected is"
            f" {config.files_sha256}"
        )
    graphs = read_graphs(files, config)
    order = torch.arange(len(graphs.labels))
    if config.content_sha256 is not None:
        order = _order(config, config.content_sha256, files, graphs)
    notes = graphs.notes
    if config.path is not None:
        notes = (f"graphs are those of the copy {config.path.name}", *notes)
    return graph_bundle(
        graphs.table.select(order), graphs.labels[order], graphs.class_names, config, request, notes=notes
    )


def _order(config: TUSet, expected: str, files: TUFolder, graphs: TUGraphs) -> Tensor:
    """The canonical order, if the graphs are the expected ones. All there is in the files counts, used or not."""
    everything = {"node_attributes": True, "edge_attributes": True, "undirected": False, "max_degree": 0}
    if any(getattr(config, key) != value for key, value in everything.items()):
        graphs = read_graphs(files, config.model_copy(update=everything))
    digest, order = graph_content(graphs)
    check_content(digest, expected, f"the graphs in {files.folder}")
    return order


def is_here(config: TUSet, root: Path) -> bool:
    if config.path is not None:
        return config.path.exists()
    if config.origin == "grakel" and not package_is_here("grakel", root):
        return False
    return not _files(config, root).missing()


def fetch(config: TUSet, root: Path) -> None:
    """Download the set's archive and unpack its text files; does nothing where they are there.

    Raises:
        UserError: no network or a broken archive; the message names the files and their folder.
    """
    files = _files(config, root)
    if config.path is not None or config.origin == "grakel" or not files.missing():
        return  # the package is fetched like any other
    files.folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(files.folder.parent / ".lock"):
        missing = files.missing()
        if not missing:
            return
        try:
            _download(files)
        except (OSError, HTTPException, UserError) as error:
            raise UserError(
                f"dataset: {config.tu_name} could not be downloaded ({first_line(error)}); put {missing[0]} and the set's"
                f" other .txt files into {files.folder}"
            ) from error


def _files(config: TUSet, root: Path) -> TUFolder:
    if config.path is not None:
        folder = copy_folder(
            config.path, root, [TUFolder(root, config.tu_name).path(part).name for part in (*REQUIRED, *OPTIONAL)]
        )
        return TUFolder(find_file(folder, f"{config.tu_name}_A.txt", config.path).parent, config.tu_name)
    if config.origin == "grakel":
        return TUFolder(package_path("grakel", root) / "grakel" / "tests" / "data" / config.tu_name, config.tu_name)
    return TUFolder(root / "TUDataset" / config.tu_name / "raw", config.tu_name)


def _download(files: TUFolder) -> None:
    """All files or none: they are unpacked beside their folder first."""
    with tempfile.TemporaryDirectory(dir=files.folder.parent) as temporary:
        archive, unpacked = Path(temporary) / "archive.zip", Path(temporary) / files.prefix
        with offline_after(seconds=10):
            torch.hub.download_url_to_file(f"{TUDataset.url}/{quote(files.prefix)}.zip", str(archive), progress=False)
        unpack(archive, Path(temporary), keep=[f"{files.prefix}/{files.prefix}_*.txt"])
        if missing := TUFolder(unpacked, files.prefix).missing():
            raise UserError(f"the archive has no {missing[0]}")
        files.folder.mkdir(exist_ok=True)
        for path in unpacked.iterdir():
            path.replace(files.folder / path.name)
