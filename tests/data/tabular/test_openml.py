"""OpenML through a cache folder in scikit-learn's layout, as a user would copy it."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from pydantic import ValidationError

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.registry import fetch, is_here
from mixupe.data.tabular import openml
from mixupe.data.tabular.openml import load
from mixupe.data.tabular.settings import OpenML
from mixupe.errors import UserError
from tests.data import openml_cache

KEYS = {"name": "openml", "domain": "tabular", "loader": "tabular.openml"}
ATTRIBUTES = (("size", "numeric"), ("code", "{1,2,3}"), ("row", "numeric"), ("class", "{a,b}"))
ROWS = [f"{row}.5,{'?' if row % 10 == 0 else row % 3 + 1},{row},{'a' if row % 2 else 'b'}" for row in range(40)]


def make_cache(root: Path, rows: Sequence[str] = ROWS, targets: Sequence[str] = ("class",)) -> Path:
    return openml_cache.make_cache(root, ATTRIBUTES, rows, targets=targets)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **keys: Any) -> Any:
        raise URLError("no network in tests")

    monkeypatch.setattr(openml, "urlopen", refuse)
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def config(**keys: Any) -> OpenML:
    return OpenML.model_validate({**KEYS, **(keys or {"data_id": 7})})


def read(root: Path, **keys: Any) -> DataBundle:
    return load(config(**keys), DataRequest(root, 0, "heldout"))


def complaint(root: Path, **keys: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(root, **keys)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("keys", [{"data_id": 7}, {"openml_name": "toy"}, {"openml_name": "Toy", "openml_version": 1}])
def test_cached_sets_need_no_network(tmp_path: Path, keys: dict[str, Any]) -> None:
    make_cache(tmp_path)
    assert is_here(config(**keys), tmp_path)
    fetch(config(**keys), tmp_path)
    data = read(tmp_path, **keys)
    assert data.spec.class_names == ("a", "b")
    assert sum(len(part.labels) for part in (data.train, data.validation, data.test)) == 40


def test_nominal_numbers_are_categories_and_row_numbers_no_features(tmp_path: Path) -> None:
    make_cache(tmp_path)
    data = read(tmp_path)
    # size; code 1, 2, 3 and missing.
    assert data.spec.input_shape == (5,)
    assert data.spec.categorical_blocks == ((1, 5),)
    assert "4 missing value(s) in 1 categorical column(s): a category of its own" in data.notes


def test_another_target(tmp_path: Path) -> None:
    make_cache(tmp_path, rows=[row for row in ROWS if "?" not in row])
    data = read(tmp_path, data_id=7, target="code")
    assert data.spec.class_names == ("1", "2", "3")


@pytest.mark.parametrize("targets", [(), ("code", "class")])
def test_a_set_needs_one_target(tmp_path: Path, targets: tuple[str, ...]) -> None:
    make_cache(tmp_path, targets=targets)
    assert f"OpenML 7 has {len(targets)} target columns" in complaint(tmp_path)


def test_rare_classes(tmp_path: Path) -> None:
    rows = [row.replace(",b", ",a") if index > 4 else row for index, row in enumerate(ROWS)]
    rows = [row.replace(",a", ",b") if index in (5, 7, 9) else row for index, row in enumerate(rows)]
    make_cache(tmp_path, rows=rows)
    assert read(tmp_path).spec.class_names == ("a", "b")
    rare = [row.replace(",b", ",a") if index > 2 else row for index, row in enumerate(ROWS)]
    make_cache(tmp_path, rows=rare)
    assert "dataset: class(es) 'b' of OpenML 7 have fewer than 3 distinct examples" in complaint(tmp_path)
    assert "fewer than 2 classes are left" in complaint(tmp_path, data_id=7, rare_classes="drop")


def test_without_network_the_cache_folder_is_named(tmp_path: Path) -> None:
    assert not is_here(config(), tmp_path)
    folder = tmp_path / "openml" / "openml.org"
    assert complaint(tmp_path) == (
        f"dataset: OpenML 7 is not in the cache folder {folder} and could not be downloaded"
        " (<urlopen error no network in tests>); copy that folder from a machine that has it"
    )
    with pytest.raises(UserError, match="OpenML 'toy' version 1 is not in the cache folder"):
        fetch(config(openml_name="toy", openml_version=1), tmp_path)


def test_an_incomplete_cache_is_not_here(tmp_path: Path) -> None:
    make_cache(tmp_path).unlink()
    assert not is_here(config(), tmp_path)
    assert "could not be downloaded" in complaint(tmp_path)


def test_another_md5_is_told_and_the_file_kept(tmp_path: Path) -> None:
    arff = make_cache(tmp_path)
    openml_cache.put(arff, "something else")
    assert f"dataset: {arff} has MD5" in complaint(tmp_path)
    assert arff.is_file()


@pytest.mark.parametrize("which", ["7", "features/7", "qualities/7"])
def test_damaged_descriptions_are_told(tmp_path: Path, which: str) -> None:
    make_cache(tmp_path)
    path = tmp_path / "openml" / "openml.org" / "api" / "v1" / "json" / "data" / f"{which}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    message = complaint(tmp_path)
    assert f"dataset: {path} is damaged" in message
    assert "remove it" in message


def test_damaged_data_is_told(tmp_path: Path) -> None:
    arff = make_cache(tmp_path)
    arff.write_bytes(b"no gzip")
    assert f"dataset: {arff} is damaged" in complaint(tmp_path)


@pytest.mark.parametrize("keys", [{"target": "class"}, {"data_id": 7, "openml_name": "toy"}])
def test_an_id_or_a_name_is_needed(tmp_path: Path, keys: dict[str, Any]) -> None:
    assert complaint(tmp_path, **keys) == ("dataset.data_id: give an OpenML id, or dataset.openml_name, and not both")
    assert not is_here(config(**keys), tmp_path)


@pytest.mark.parametrize("keys", [{"data_id": 0}, {"openml_name": "a/../b"}, {"rare_classes": "keep"}])
def test_impossible_settings(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(**keys)
