"""Public TU sets: downloaded archives, files put there by hand, files inside a package."""

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.io import read_tu_data

from mixupe.data.base import DataRequest
from mixupe.data.graphs.settings import TUSet
from mixupe.data.graphs.tu_files import TUFolder
from mixupe.data.registry import dataset_settings, is_here, load_dataset
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from tests.data.digest_in import digest_in
from tests.data.graphs.tu_format import write_tu_set
from tests.real_data import real

PACKAGE = Path(__file__).parents[3] / "data" / "packages" / "grakel"
needs_grakel = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the package grakel has not been fetched")


def config(**keys: Any) -> TUSet:
    values = {"name": "fake", "domain": "graphs", "loader": "graphs.tu_sets", "tu_name": "FAKE", **keys}
    settings = dataset_settings(values)
    assert isinstance(settings, TUSet)
    return settings


def request(root: Path) -> DataRequest:
    return DataRequest(root, seed=0, protocol="heldout")


def archive(folder: Path, *, without: str = "", trap: bool = False) -> Path:
    """A zip in the collection's layout, FAKE/FAKE_*.txt and a README."""
    files = write_tu_set(folder / "made" / "FAKE", "FAKE")
    path = folder / "FAKE.zip"
    with zipfile.ZipFile(path, "w") as content:
        for file in files.iterdir():
            if file.name != without:
                content.write(file, f"FAKE/{file.name}")
        content.writestr("FAKE/README.txt", "about FAKE")
        if trap:
            content.writestr("../../FAKE_outside.txt", "outside")
    return path


def serve(monkeypatch: pytest.MonkeyPatch, path: Path) -> list[str]:
    asked = []

    def download(url: str, target: str, progress: bool) -> None:
        asked.append(url)
        Path(target).write_bytes(path.read_bytes())

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    return asked


def test_files_put_there_by_hand_need_no_download(tmp_path: Path) -> None:
    assert not is_here(config(), tmp_path)
    write_tu_set(tmp_path / "TUDataset" / "FAKE" / "raw", "FAKE")
    assert is_here(config(), tmp_path)
    assert load_dataset(config(), request(tmp_path)).spec.num_classes == 2


def test_archive_is_downloaded_once_and_unpacked_into_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(monkeypatch, archive(tmp_path, trap=True))
    root = tmp_path / "root"
    for _ in range(2):
        load_dataset(config(), request(root))
    assert len(asked) == 1
    assert asked[0].startswith("https://")
    assert asked[0].endswith("/FAKE.zip")
    raw = root / "TUDataset" / "FAKE" / "raw"
    assert {path.name for path in raw.iterdir()} >= {"FAKE_A.txt", "FAKE_graph_labels.txt", "FAKE_node_labels.txt"}
    assert not list(tmp_path.rglob("FAKE_outside.txt"))


def test_without_network_one_line_names_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_dataset(config(), request(tmp_path))
    message = str(raised.value)
    assert "FAKE_A.txt" in message
    assert str(tmp_path / "TUDataset" / "FAKE" / "raw") in message
    assert "\n" not in message
    assert not list(tmp_path.rglob("*.zip"))


def test_a_broken_archive_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, archive(tmp_path, without="FAKE_graph_labels.txt"))
    root = tmp_path / "root"
    with pytest.raises(UserError, match=r"has no FAKE_graph_labels\.txt"):
        load_dataset(config(), request(root))
    (tmp_path / "FAKE.zip").write_bytes(b"an error page")
    with pytest.raises(UserError, match="could not be downloaded"):
        load_dataset(config(), request(root))
    assert not list(root.rglob("*.txt"))


def test_wrong_counts_are_refused(tmp_path: Path) -> None:
    write_tu_set(tmp_path / "TUDataset" / "FAKE" / "raw", "FAKE")
    for card, message in (({"examples": 188}, "holds 24 graphs, fake has 188"), ({"classes": 6}, "holds 2 classes")):
        with pytest.raises(UserError, match=message):
            load_dataset(config(card=card), request(tmp_path))


def test_other_contents_than_pinned_are_refused(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path / "TUDataset" / "FAKE" / "raw", "FAKE")
    digest = TUFolder(folder, "FAKE").digest()
    assert digest in load_dataset(config(files_sha256=digest), request(tmp_path)).notes[0]
    write_tu_set(folder, "FAKE", seed=1)
    with pytest.raises(UserError, match=r"dataset\.files_sha256"):
        load_dataset(config(files_sha256=digest), request(tmp_path))


def test_files_of_the_package_are_read_where_they_lie(tmp_path: Path) -> None:
    write_tu_set(tmp_path / "packages" / "grakel" / "grakel" / "tests" / "data" / "FAKE", "FAKE")
    settings = config(origin="grakel")
    assert is_here(settings, tmp_path)
    assert load_dataset(settings, request(tmp_path)).spec.num_classes == 2
    assert not (tmp_path / "TUDataset").exists()


def test_a_package_that_is_not_there_is_not_here(tmp_path: Path) -> None:
    assert not is_here(config(origin="grakel"), tmp_path)


@needs_grakel
def test_mutag_is_what_pytorch_geometric_reads() -> None:
    settings = config(tu_name="MUTAG", origin="grakel", card={"examples": 188, "classes": 2})
    bundle = load_dataset(settings, request(PACKAGE.parents[1]))
    data, _, _ = read_tu_data(str(PACKAGE / "grakel" / "tests" / "data" / "MUTAG"), "MUTAG")
    parts: list[Any] = [bundle.train, bundle.validation, bundle.test]
    assert sum(part.x.sum(dim=0) for part in parts).tolist() == data.x.sum(dim=0).tolist()
    assert sum(part.edge_attr.sum(dim=0) for part in parts).tolist() == data.edge_attr.sum(dim=0).tolist()
    assert sorted(int(label) for part in parts for label in part.labels) == sorted(data.y.tolist())


def shuffled(source: Path, target: Path) -> None:
    """The same graphs in another order, each edge listed twice and from the end, and other line ends."""
    table = {
        part: (source / f"FAKE_{part}.txt").read_text().splitlines()
        for part in ("A", "graph_indicator", "graph_labels")
    }
    nodes = {
        name: (source / f"FAKE_{name}.txt").read_text().splitlines() for name in ("node_labels", "node_attributes")
    }
    edges = {
        name: (source / f"FAKE_{name}.txt").read_text().splitlines() for name in ("edge_labels", "edge_attributes")
    }
    graph_of_node = [int(graph) for graph in table["graph_indicator"]]
    pairs = [tuple(map(int, line.split(","))) for line in table["A"]]
    order = list(reversed(range(1, len(table["graph_labels"]) + 1)))
    kept = [node for graph in order for node in range(len(graph_of_node)) if graph_of_node[node] == graph]
    number = {node + 1: place + 1 for place, node in enumerate(kept)}
    edge_order = list(range(len(pairs))) + list(reversed(range(len(pairs))))
    lines = {
        "A": [f"{number[pairs[edge][0]]},{number[pairs[edge][1]]}" for edge in edge_order],
        "graph_indicator": [str(order.index(graph_of_node[node]) + 1) for node in kept],
        "graph_labels": [str(int(table["graph_labels"][graph - 1]) + 7) for graph in order],
        **{name: [rows[node] for node in kept] for name, rows in nodes.items()},
        **{name: [rows[edge] for edge in edge_order] for name, rows in edges.items()},
    }
    target.mkdir(parents=True)
    for name, rows in lines.items():
        (target / f"FAKE_{name}.txt").write_bytes("".join(f"{row}\r\n" for row in rows).encode())


def test_copies_of_one_set_are_one_set(tmp_path: Path) -> None:
    """In data.root, in a folder, in an archive, in any order: the same graphs in the same parts."""
    here = write_tu_set(tmp_path / "root" / "TUDataset" / "FAKE" / "raw", "FAKE")
    shuffled(here, tmp_path / "copy" / "graphs" / "FAKE")
    with tarfile.open(tmp_path / "graphs.tar.xz", "w:xz") as opened:
        opened.add(tmp_path / "copy" / "graphs", "graphs")
    with pytest.raises(UserError, match=r"dataset.content_sha256: .* give the former") as caught:
        load_dataset(config(content_sha256="0" * 64), request(tmp_path / "root"))
    digest = digest_in(str(caught.value))
    for keys in ({}, {"node_attributes": False}, {"edge_attributes": False, "max_degree": None}):
        bundles = [
            load_dataset(config(content_sha256=digest, path=path, **keys), request(tmp_path / "root"))
            for path in (None, tmp_path / "copy", tmp_path / "graphs.tar.xz")
        ]
        whole = [next(iter(bundle.train.batches([torch.arange(5)]))) for bundle in bundles]
        for other, (batch, labels) in zip(bundles[1:], whole[1:], strict=True):
            assert other.split_digest == bundles[0].split_digest
            assert torch.equal(labels, whole[0][1])
            assert torch.equal(batch.x, whole[0][0].x)
            assert torch.equal(batch.edge_index, whole[0][0].edge_index)
            assert torch.equal(batch.edge_attr, whole[0][0].edge_attr)
        assert [bundle.notes[0] for bundle in bundles[1:]] == [
            "graphs are those of the copy copy",
            "graphs are those of the copy graphs.tar.xz",
        ]


def test_other_graphs_are_refused(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path / "FAKE", "FAKE")
    with pytest.raises(UserError) as caught:
        load_dataset(config(content_sha256="0" * 64, path=folder), request(tmp_path))
    digest = digest_in(str(caught.value))
    load_dataset(config(content_sha256=digest, path=folder), request(tmp_path))
    for part, old, new in (("A", "1, 2\n", ""), ("node_labels", "1", "0"), ("graph_labels", "-1", "1")):
        broken = write_tu_set(tmp_path / part, "FAKE", options=("node_labels",))
        text = (broken / f"FAKE_{part}.txt").read_text()
        (broken / f"FAKE_{part}.txt").write_text(text.replace(old, new, 1))
        with pytest.raises(UserError, match=f"expected is {digest}"):
            load_dataset(config(content_sha256=digest, path=broken), request(tmp_path))


def test_a_copy_that_lacks_the_set(tmp_path: Path) -> None:
    write_tu_set(tmp_path / "copy", "FAKE_OTHER")
    with pytest.raises(UserError, match=r"dataset.path: .*copy has no file FAKE_A.txt; one is needed"):
        load_dataset(config(path=tmp_path / "copy"), request(tmp_path))
    assert not is_here(config(path=tmp_path / "nothing"), tmp_path)


def test_a_column_for_each_degree_that_occurs(tmp_path: Path) -> None:
    """Paths and rings have the degrees 1 and 2."""
    folder = write_tu_set(tmp_path / "FAKE", "FAKE", options=())
    data = load_dataset(config(path=folder, max_degree=None), request(tmp_path))
    assert data.spec.input_shape == (2,)
    assert "nodes have no features: the 2 degrees that occur are used" in data.notes


# Graphs of each class, nodes and edges on average, features of a node.
REAL = {
    "nci1": ([2053, 2057], 29.87, 32.30, 37),
    "ptc": ([192, 152], 25.56, 25.96, 19),
    "ptc_mr": ([192, 152], 14.29, 14.69, 18),
    "proteins": ([663, 450], 39.06, 72.82, 4),
    "imdb_binary": ([500, 500], 19.77, 96.53, 65),
    "imdb_multi": ([500, 500, 500], 13.00, 65.94, 59),
}


@pytest.mark.parametrize("name", REAL)
def test_whole_real_sets(tmp_path: Path, name: str) -> None:
    """Counts as TUDataset and the GIN paper print them."""
    classes, nodes, edges, features = REAL[name]
    with hydra_initialised():
        settings = compose_settings([f"dataset={name}", f"dataset.path={real('graphs.tar.xz')}"]).dataset
    data = load_dataset(settings, request(tmp_path))
    parts = (data.train, data.validation, data.test)
    labels = torch.cat([part.labels for part in parts])
    assert torch.bincount(labels).tolist() == classes
    counts: list[tuple[int, int]] = [(len(part.x), part.edge_index.shape[1]) for part in parts]  # type: ignore[attr-defined]
    assert round(sum(found for found, _ in counts) / len(labels), 2) == nodes
    assert round(sum(found for _, found in counts) / 2 / len(labels), 2) == edges
    assert data.spec.input_shape == (features,)
    assert len(data.test.labels) == pytest.approx(len(labels) / 10, abs=1)
