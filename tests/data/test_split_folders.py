"""Names of folders that are parts of a set, and names that are classes."""

from pathlib import Path

import pytest

from mixupe.data.split_folders import find_parts, part_of
from mixupe.errors import UserError

HERE = Path("set")


def parts(*names: str, with_folders: tuple[str, ...] = ()) -> dict[str, str]:
    """Part to folder name; `with_folders` have subfolders."""
    children = [HERE / name for name in sorted(names)]
    found = find_parts(HERE, children, has_folders=lambda child: child.name in with_folders)
    return {part: path.name for part, path in found.items()}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *[(name, "train") for name in ("train", "Training", "TRAIN_SET", "TrainingData", "trainset", "train2017")],
        *[(name, "test") for name in ("test", "Testing", "test_set", "test-images", "TestSet", "testset", "test data")],
        *[
            (name, "validation")
            for name in ("val", "VAL", "Valid", "validation_set", "dev", "dev-set", "eval", "valImages")
        ],
    ],
)
def test_a_part_in_its_usual_spellings(name: str, part: str) -> None:
    assert part_of(name) == (part, "")


@pytest.mark.parametrize(
    "name",
    ["cat", "trainer", "latest", "contest", "valley", "devil", "retrain", "training and test", "テスト", "2017", ""],
)
def test_other_names_are_no_parts(name: str) -> None:
    assert part_of(name) is None


def test_a_name_may_say_more() -> None:
    assert part_of("seg_train") == ("train", "seg")
    assert part_of("test1") == ("test", "1")


@pytest.mark.parametrize(
    "names", [("train", "test"), ("Train", "Test"), ("training", "testing"), ("train_set", "test_set")]
)
def test_parts_are_never_classes_whatever_they_hold(names: tuple[str, str]) -> None:
    assert parts(*names) == {"train": names[0], "test": names[1]}
    assert parts(*names, with_folders=names) == {"train": names[0], "test": names[1]}


def test_all_three_parts_come_in_their_order() -> None:
    assert list(parts("test", "val", "train")) == ["train", "validation", "test"]
    assert list(parts("train", "valid")) == ["train", "validation"]


def test_parts_of_a_name_in_common() -> None:
    assert parts("seg_test", "seg_train") == {"train": "seg_train", "test": "seg_test"}
    assert parts("red_train", "blue_test") == {}


def test_classes_beside_which_one_is_called_like_a_part() -> None:
    assert parts("train", "car", "bus") == {}
    assert parts("test", "car", with_folders=("car",)) == {}


@pytest.mark.parametrize(
    ("names", "with_folders", "message"),
    [
        (("train", "cat"), ("train",), "cat lies beside train, allowed there are"),
        (("test", "cat", "dog"), ("test",), "cat lies beside test"),
        (("train", "Training", "test"), (), "set/Training and set/train are both a train part; keep one"),
        (("train", "dev", "eval"), (), "set/dev and set/eval are both a validation part"),
        (("test", "val"), (), "set has test, val but no folder train"),
        (("test",), ("test",), "set has test but no folder train"),
    ],
)
def test_what_is_neither_is_refused(names: tuple[str, ...], with_folders: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError) as error:
        parts(*names, with_folders=with_folders)
    assert message in str(error.value)
