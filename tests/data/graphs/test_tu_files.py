"""Files in TUDataset's format: read as PyTorch Geometric reads them, and refused in one line where they are broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.io import read_tu_data

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.graphs.flat import FlatGraphs, GraphBatch
from mixupe.data.graphs.new_graphs import read
from mixupe.data.graphs.settings import TUFolderSettings
from mixupe.data.graphs.tu_folder import content_version, load
from mixupe.data.registry import dataset_settings, load_dataset
from mixupe.errors import UserError
from tests.data.graphs.tu_format import OPTIONS, write_tu_set

REQUEST = DataRequest(root=Path("unused"), seed=0, protocol="heldout")


def config(folder: Path, **keys: Any) -> TUFolderSettings:
    values = {"name": "own", "domain": "graphs", "loader": "graphs.tu_folder", "path": str(folder), **keys}
    settings = dataset_settings(values)
    assert isinstance(settings, TUFolderSettings)
    return settings


def all_graphs(bundle: DataBundle) -> list[tuple[int, int, int]]:
    """(nodes, edges, class) of every graph in all three parts, sorted."""
    found = []
    for part in (bundle.train, bundle.validation, bundle.test):
        assert isinstance(part, FlatGraphs)
        sizes = zip(part.node_offsets.diff(), part.edge_offsets.diff(), part.labels, strict=True)
        found += [(int(nodes), int(edges), int(label)) for nodes, edges, label in sizes]
    return sorted(found)


def everything(bundle: DataBundle) -> GraphBatch:
    assert isinstance(bundle.train, FlatGraphs)
    return bundle.train.gather(torch.arange(len(bundle.train.labels)))


@pytest.mark.parametrize("options", [(), ("node_labels",), ("node_labels", "edge_labels"), OPTIONS, OPTIONS[1:2]])
def test_graphs_are_those_that_pytorch_geometric_reads(tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = write_tu_set(tmp_path, "FAKE", options)
    data, slices, sizes = read_tu_data(str(folder), "FAKE")
    bundle = load_dataset(config(folder), REQUEST)
    edges = slices["edge_index"].diff().tolist()
    nodes = data._num_nodes if data.x is None else slices["x"].diff().tolist()
    assert all_graphs(bundle) == sorted(zip(nodes, edges, data.y.tolist(), strict=True))
    assert bundle.spec.class_names == ("-1", "1")
    if options:
        assert bundle.spec.input_shape == (sizes["num_node_attributes"] + sizes["num_node_labels"],)
    assert bundle.spec.edge_features == sizes["num_edge_attributes"] + sizes["num_edge_labels"]


def test_features_of_every_node_and_edge_are_those_of_pytorch_geometric(tmp_path: Path) -> None:
    # Labels only, so nothing is scaled; the splits are sorted by graph, so the graphs can be put side by side.
    folder = write_tu_set(tmp_path, "FAKE", ("node_labels", "edge_labels"))
    data, slices, _ = read_tu_data(str(folder), "FAKE")
    bundle = load(config(folder), REQUEST)
    seen = 0
    for part in (bundle.train, bundle.validation, bundle.test):
        assert isinstance(part, FlatGraphs)
        for position in range(len(part.labels)):
            graph = part.gather(torch.tensor([position]))
            same = [g for g in range(24) if _is_graph(graph, part.labels[position], g, data, slices)]
            assert same
            seen += 1
    assert seen == 24


def _is_graph(graph: GraphBatch, label: Tensor, g: int, data: Any, slices: dict[str, Tensor]) -> bool:
    assert graph.edge_attr is not None
    nodes = slice(int(slices["x"][g]), int(slices["x"][g + 1]))
    edges = slice(int(slices["edge_index"][g]), int(slices["edge_index"][g + 1]))
    return bool(
        torch.equal(graph.x, data.x[nodes])
        and torch.equal(graph.edge_index, data.edge_index[:, edges])
        and torch.equal(graph.edge_attr, data.edge_attr[edges])
        and label == data.y[g]
    )


def test_attributes_are_standardised_by_the_training_graphs(tmp_path: Path) -> None:
    bundle = load(config(write_tu_set(tmp_path, "FAKE")), REQUEST)
    x = everything(bundle).x
    assert torch.allclose(x[:, :2].mean(dim=0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(x[:, :2].std(dim=0, correction=0), torch.ones(2), atol=1e-5)
    assert set(x[:, 2:].flatten().tolist()) == {0.0, 1.0}
    assert isinstance(bundle.test, FlatGraphs)
    assert bundle.test.x[:, :2].mean().abs() > 1e-3


def test_attributes_can_be_left_out(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path, "FAKE")
    spec = load(config(folder, node_attributes=False, edge_attributes=False), REQUEST).spec
    assert (spec.input_shape, spec.edge_features) == ((2,), 2)


def test_nodes_without_features_get_their_degree(tmp_path: Path) -> None:
    bundle = load(config(write_tu_set(tmp_path, "FAKE", ()), max_degree=2), REQUEST)
    graphs = everything(bundle)
    degrees = torch.bincount(graphs.edge_index[1], minlength=len(graphs.x))
    assert graphs.x.shape[1] == 3
    assert torch.equal(graphs.x.argmax(dim=1), degrees)
    assert any("degree" in note for note in bundle.notes)
    capped = everything(load(config(tmp_path, max_degree=1), REQUEST))
    assert torch.equal(capped.x.argmax(dim=1), degrees.clamp_max(1))


def test_a_last_line_without_line_break_counts(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path, "FAKE")
    whole = all_graphs(load(config(folder), REQUEST))
    for path in folder.glob("*.txt"):
        path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert all_graphs(load(config(folder), REQUEST)) == whole


def test_nodes_need_not_be_sorted_by_graph(tmp_path: Path) -> None:
    sorted_folder = write_tu_set(tmp_path / "sorted", "FAKE")
    mixed_folder = write_tu_set(tmp_path / "mixed", "FAKE")
    nodes = len((sorted_folder / "FAKE_graph_indicator.txt").read_text(encoding="utf-8").split())
    order = torch.randperm(nodes, generator=torch.Generator().manual_seed(1)).tolist()
    new_id = {old + 1: new + 1 for new, old in enumerate(order)}
    for part in ("graph_indicator", "node_labels", "node_attributes"):
        path = mixed_folder / f"FAKE_{part}.txt"
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(lines[old] for old in order) + "\n", encoding="utf-8")
    path = mixed_folder / "FAKE_A.txt"
    pairs = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(f"{new_id[int(a)]}, {new_id[int(b)]}\n" for a, b in pairs), encoding="utf-8")

    first, second = load(config(sorted_folder), REQUEST), load(config(mixed_folder), REQUEST)
    assert all_graphs(first) == all_graphs(second)
    assert first.split_digest == second.split_digest
    # Every node sees the same neighbours: sums over them are equal as sets, whatever the nodes' order.
    sums = []
    for graphs in (everything(first), everything(second)):
        messages = torch.zeros_like(graphs.x).index_add(0, graphs.edge_index[1], graphs.x[graphs.edge_index[0]])
        sums.append(torch.cat([graphs.batch[:, None].float(), graphs.x, messages], dim=1))
    by_row = [rows[torch.argsort((rows * torch.arange(1.0, rows.shape[1] + 1)).sum(dim=1))] for rows in sums]
    assert torch.allclose(by_row[0], by_row[1], atol=1e-4)


def test_loops_and_repeated_edges_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path, "FAKE", ("node_labels",))
    clean = all_graphs(load(config(folder), REQUEST))
    with (folder / "FAKE_A.txt").open("a", encoding="utf-8") as file:
        file.write("1, 1\n1, 2\n1, 2\n")
    bundle = load(config(folder), REQUEST)
    assert all_graphs(bundle) == clean
    assert any(note.startswith("3 edges") for note in bundle.notes)


def test_split_depends_on_the_seed_and_notes_name_the_files(tmp_path: Path) -> None:
    settings = config(write_tu_set(tmp_path, "FAKE"))
    digests = [load(settings, DataRequest(Path("unused"), seed, "heldout")).split_digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]
    assert content_version(settings) in load(settings, REQUEST).notes[0]


def test_content_version_is_that_of_the_content(tmp_path: Path) -> None:
    version = content_version(config(write_tu_set(tmp_path / "a", "FAKE")))
    assert version == content_version(config(write_tu_set(tmp_path / "b", "FAKE")))
    assert version == content_version(config(write_tu_set(tmp_path / "c", "OTHER")))
    assert version != content_version(config(write_tu_set(tmp_path / "d", "FAKE", seed=1)))
    assert version != content_version(config(write_tu_set(tmp_path / "e", "FAKE", ("node_labels",))))


def append(part: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / f"FAKE_{part}.txt").open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def replace(part: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / f"FAKE_{part}.txt").write_text(text, encoding="utf-8")

    return change


def remove(part: str) -> Callable[[Path], None]:
    return lambda folder: (folder / f"FAKE_{part}.txt").unlink()


def add_another(folder: Path) -> None:
    write_tu_set(folder, "MORE")


def change_first(part: str, line: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"FAKE_{part}.txt"
        path.write_text("\n".join([line, *path.read_text(encoding="utf-8").splitlines()[1:]]) + "\n", encoding="utf-8")

    return change


def _as_utf_16(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no edges file": (remove("A"), "found none"),
    "no indicator": (remove("graph_indicator"), "has no FAKE_graph_indicator.txt"),
    "no labels": (remove("graph_labels"), "has no FAKE_graph_labels.txt"),
    "two sets": (add_another, "found several (FAKE, MORE)"),
    "empty edges": (replace("A", ""), "FAKE_A.txt is empty"),
    "blank labels": (replace("graph_labels", "\n\n"), "FAKE_graph_labels.txt is empty"),
    "not a number": (append("A", "1, x\n"), "is '1, x'; allowed are integers"),
    "not an integer": (append("graph_indicator", "1.5\n"), "is '1.5'; allowed are integers"),
    "one column": (replace("A", "1\n2\n"), "has 1 columns, two node numbers"),
    "ragged": (append("A", "1, 2, 3\n"), "has 3 columns instead of 2"),
    "node that is not there": (append("A", "1, 4711\n"), "joins the nodes 1 and 4711, allowed are 1 to"),
    "node zero": (append("A", "0, 1\n"), "joins the nodes 0 and 1, allowed are 1 to"),
    "edge between graphs": (append("A", "1, 20\n"), "joins the nodes 1 and 20 of two graphs"),
    "graph that is not there": (append("graph_indicator", "99\n"), "names graph 99"),
    "graph without nodes": (append("graph_labels", "1\n"), "gives no node to graph 25"),
    "node labels too long": (append("node_labels", "1\n"), "rows for the"),
    "edge attributes too long": (append("edge_attributes", "1.0, 1.0\n"), "edges of FAKE_A.txt"),
    "attribute not finite": (change_first("node_attributes", "nan, 1.0"), "row 1 holds a value that is not finite"),
    "attribute too large": (
        change_first("node_attributes", "1e39, 1.0"),
        "row 1 holds a value that is not finite, or too",
    ),
    "NUL": (change_first("graph_labels", "1\x002"), "FAKE_graph_labels.txt line 1 is '1\\x002'"),
    "labels in words": (change_first("graph_labels", "True"), "line 1 is 'True'; allowed are integers"),
    "blanks": (replace("A", "1 2\n2 1\n"), "is '1 2'; allowed are integers, separated by commas"),
    "semicolons": (replace("A", "1;2\n2;1\n"), "is '1;2'; allowed are integers, separated by commas"),
    "half a label": (change_first("graph_labels", "0.5"), "line 1 is '0.5'; allowed are integers"),
    "UTF-16": (lambda folder: _as_utf_16(folder / "FAKE_graph_labels.txt"), "FAKE_graph_labels.txt line 1 is"),
    "one class": (replace("graph_labels", "3\n" * 24), "FAKE_graph_labels.txt holds one class only, 3; at least 2 are"),
    "class of one graph": (change_first("graph_labels", "7"), "class '7' of own has 1 distinct example(s)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    change, message = BROKEN[name]
    folder = write_tu_set(tmp_path, "FAKE")
    change(folder)
    with pytest.raises(UserError) as raised:
        load(config(folder), REQUEST)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.path: .* is not a folder"):
        load(config(tmp_path / "nowhere"), REQUEST)


@pytest.mark.parametrize("part", ["A", "graph_indicator", "graph_labels", "node_labels", "node_attributes"])
def test_a_byte_order_mark_does_not_count(tmp_path: Path, part: str) -> None:
    folder = write_tu_set(tmp_path, "FAKE")
    whole = load(config(folder), REQUEST)
    path = folder / f"FAKE_{part}.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    marked = load(config(folder), REQUEST)
    assert all_graphs(marked) == all_graphs(whole)
    assert torch.equal(everything(marked).x, everything(whole).x)


@pytest.mark.parametrize("part", ["graph_labels", "node_labels", "edge_labels"])
def test_whole_decimal_numbers_are_integers_and_said(tmp_path: Path, part: str) -> None:
    folder = write_tu_set(tmp_path, "FAKE")
    whole = load(config(folder), REQUEST)
    path = folder / f"FAKE_{part}.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("1", "1.0"), encoding="utf-8")
    decimal = load(config(folder), REQUEST)
    assert decimal.spec == whole.spec
    assert all_graphs(decimal) == all_graphs(whole)
    assert decimal.notes[1] == f"FAKE_{part}.txt holds decimal numbers that are whole, such as 1.0: taken as integers"


def test_pytorch_geometric_s_folder_is_that_of_its_raw_files(tmp_path: Path) -> None:
    write_tu_set(tmp_path / "MUTAG" / "raw", "FAKE")
    (tmp_path / "MUTAG" / "processed").mkdir()
    (tmp_path / "MUTAG" / "raw" / "._FAKE_A.txt").write_bytes(b"left by a Mac")
    settings = config(tmp_path / "MUTAG")
    assert len(all_graphs(load(settings, REQUEST))) == 24
    assert content_version(settings) == content_version(config(tmp_path / "MUTAG" / "raw"))


@pytest.fixture
def one_way(tmp_path: Path) -> Path:
    """The set in which each edge stands once, from the smaller node to the larger, but for the first, which is whole."""
    folder = write_tu_set(tmp_path / "one way", "FAKE")
    rows: dict[str, list[str]] = {"A": [], "edge_labels": [], "edge_attributes": []}
    lines = [(folder / f"FAKE_{part}.txt").read_text(encoding="utf-8").splitlines() for part in rows]
    for number, fields in enumerate(zip(*lines, strict=True)):
        source, target = (int(node) for node in fields[0].split(","))
        if source < target or (source, target) == (2, 1):
            rows["A"].append(fields[0])
            rows["edge_labels"].append(fields[1])
            rows["edge_attributes"].append(f"{number}.0, 2.0")
    for part, kept in rows.items():
        (folder / f"FAKE_{part}.txt").write_text("\n".join(kept), encoding="utf-8")
    return folder


def test_edges_that_are_listed_one_way_are_said(one_way: Path) -> None:
    bundle = load(config(one_way), REQUEST)
    edges = sum(edges for _, edges, _ in all_graphs(bundle))
    assert bundle.notes[1] == (
        f"{edges - 2} of {edges} edges are listed in one direction only and pass no message in the other;"
        " dataset.undirected=true adds it"
    )


def test_undirected_adds_the_other_way_with_the_features_of_the_first(one_way: Path, tmp_path: Path) -> None:
    bundle = load(config(one_way, undirected=True), REQUEST)
    assert bundle.notes[1].endswith("edges are listed in one direction only: the other was added")
    assert all_graphs(bundle) == all_graphs(load(config(write_tu_set(tmp_path / "both", "FAKE")), REQUEST))
    seen_two = False
    for part in (bundle.train, bundle.validation, bundle.test):
        graphs = part.gather(torch.arange(len(part.labels)))  # type: ignore[attr-defined]
        of_edge = {(int(a), int(b)): graphs.edge_attr[row] for row, (a, b) in enumerate(graphs.edge_index.T)}
        differ = [edge for edge, features in of_edge.items() if not torch.equal(features, of_edge[edge[::-1]])]
        # Only the edge that stands in the file in both directions has two lines of features.
        assert len(differ) in (0, 2)
        seen_two |= len(differ) == 2
    assert seen_two


def test_undirected_changes_no_set_that_lists_both_ways_and_no_older_run(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path, "FAKE")
    first, second = (load(config(folder, undirected=chosen), REQUEST) for chosen in (False, True))
    assert first.notes == second.notes
    assert torch.equal(everything(first).edge_index, everything(second).edge_index)
    assert TUFolderSettings.model_fields["undirected"].json_schema_extra == {"identity_default": False}


def test_a_file_that_is_none_of_the_format_is_said(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path, "FAKE", ("node_labels",))
    assert not any("not read" in note for note in load(config(folder), REQUEST).notes)
    (folder / "FAKE_node_labels.txt").rename(folder / "FAKE_node_label.txt")
    assert any(note.startswith("FAKE_node_label.txt not read") for note in load(config(folder), REQUEST).notes)


def test_new_graphs_say_what_is_odd_about_their_edges(tmp_path: Path) -> None:
    folder = write_tu_set(tmp_path / "old", "OLD", ())
    bundle = load(config(folder), REQUEST)
    assert bundle.preparation is not None
    new = tmp_path / "new"
    new.mkdir()
    (new / "NEW_graph_indicator.txt").write_text("1\n1\n1\n1\n1\n")
    (new / "NEW_A.txt").write_text("1,2\n2,3\n3,4\n4,5\n4,5\n5,4\n5,1\n")
    assert read(new, config(folder), bundle.spec, bundle.preparation).notes == (
        "1 edges that are self-loops or listed twice were left out",
        "4 of 6 edges are listed in one direction only and pass no message in the other",
        "nodes have no features: their degrees up to 100 are used",
    )
