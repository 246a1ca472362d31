"""Public TU sets: downloaded archives, files put there by hand, files inside a package."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.io import read_tu_data

from mixupe.data.base import DataRequest
from mixupe.data.graphs import tu_sets
from mixupe.data.graphs.tu_files import TUFolder
from mixupe.data.registry import dataset_settings, is_here, load_dataset
from mixupe.settings import UserError
from tests.data.graphs.tu_format import write_tu_set

PACKAGE = Path(__file__).parents[3] / "data" / "packages" / "grakel"
needs_grakel = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the package grakel has not been fetched")


def config(**keys: Any) -> tu_sets.Config:
    values = {"name": "fake", "domain": "graphs", "loader": "graphs.tu_sets", "tu_name": "FAKE", **keys}
    settings = dataset_settings(values)
    assert isinstance(settings, tu_sets.Config)
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
    assert [path.parent for path in root.rglob("FAKE_outside.txt")] == [raw]
    assert not list(tmp_path.glob("FAKE_outside.txt"))


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
