"""Splits: stratified, seeded, duplicates on one side, folds a partition."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from mixupe.data.base import DataRequest, DatasetSettings, DataSpec, ProtocolName
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.splits import Examples, Indexes
from mixupe.errors import UserError

COUNTS = (100, 60, 40)
LABELS = np.repeat(np.arange(3), COUNTS)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits are stored below the root, which is the working folder here."""
    monkeypatch.chdir(tmp_path)


def settings(**keys: Any) -> DatasetSettings:
    return DatasetSettings(name="toy", domain="tabular", loader="tabular.keel", **keys)


def split(labels: npt.ArrayLike = LABELS, *, seed: int = 0, protocol: ProtocolName = "heldout", **keys: Any) -> Indexes:
    known: dict[str, Any] = {key: keys.pop(key) for key in ("groups", "test", "validation") if key in keys}
    examples = Examples(labels=np.asarray(labels), class_names=keys.pop("class_names", ()), **known)
    return examples.split(settings(**keys), DataRequest(Path(), seed, protocol))


def parts(indexes: Indexes) -> list[list[int]]:
    return [part.tolist() for part in (indexes.train, indexes.validation, indexes.test)]


def test_parts_are_disjoint_sorted_and_complete() -> None:
    train, validation, test = parts(split())
    assert sorted(train + validation + test) == list(range(200))
    assert all(part == sorted(part) for part in (train, validation, test))
    assert [len(part) for part in (train, validation, test)] == [128, 32, 40]


def test_parts_are_stratified() -> None:
    for part in parts(split()):
        shares = np.bincount(LABELS[part]) / len(part)
        np.testing.assert_allclose(shares, np.asarray(COUNTS) / 200, atol=0.5 / len(part))


def test_split_is_a_function_of_the_seed() -> None:
    assert parts(split(seed=3)) == parts(split(seed=3))
    assert split(seed=3).digest == split(seed=3).digest
    assert len({split(seed=seed).digest for seed in range(10)}) == 10


def test_it_is_said_whether_seeds_share_their_test_part() -> None:
    assert split().test_part == "drawn"
    assert split(folds=5).test_part == "fold"
    assert split(test=np.arange(10), folds=5).test_part == "own", "it comes before all else"


def test_digest_tells_the_parts_apart() -> None:
    a, b, c = np.array([0]), np.array([1]), np.array([2])
    assert Indexes(a, b, c).digest != Indexes(b, a, c).digest
    assert Indexes(np.array([0, 1]), np.array([], dtype=int), c).digest != Indexes(a, b, c).digest


def test_groups_stay_on_one_side() -> None:
    groups = np.arange(200) // 2
    where = np.empty(200, dtype=int)
    for number, part in enumerate(parts(split(groups=groups))):
        where[part] = number
    assert (where[::2] == where[1::2]).all()
    assert set(where) == {0, 1, 2}


def test_groups_of_any_ids_work() -> None:
    groups = np.array([f"word {index // 4}" for index in range(200)])
    sides = [set(groups[part]) for part in parts(split(groups=groups))]
    assert sum(len(side) for side in sides) == len(set().union(*sides))


@pytest.mark.parametrize("groups", [None, np.arange(200) // 2])
def test_folds_partition_the_examples(groups: npt.NDArray[np.int64] | None) -> None:
    tests = [split(seed=seed, folds=5, groups=groups).test for seed in range(5)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(200))
    for test in tests:
        assert np.bincount(LABELS[test]).tolist() == [20, 12, 8]


def test_the_next_seeds_are_the_folds_of_another_partition() -> None:
    first = {split(seed=seed, folds=5).digest for seed in range(5)}
    tests = [split(seed=seed, folds=5).test for seed in range(5, 10)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(200))
    assert not first & {split(seed=seed, folds=5).digest for seed in range(5, 10)}


def test_own_test_part_is_kept() -> None:
    own = np.arange(0, 200, 4)
    train, validation, test = parts(split(test=own, test_fraction=None))
    assert test == own.tolist()
    assert sorted(train + validation + test) == list(range(200))
    assert len(validation) == 30


def test_own_validation_part_is_kept() -> None:
    test, validation = np.arange(0, 200, 4), np.arange(1, 200, 4)
    indexes = split(test=test, validation=validation, test_fraction=None)
    assert parts(indexes) == [np.sort(np.r_[2:200:4, 3:200:4]).tolist(), validation.tolist(), test.tolist()]


def test_paper_protocol_validates_on_the_test_part() -> None:
    train, validation, test = parts(split(protocol="paper"))
    assert validation == test
    assert sorted(train + test) == list(range(200))
    assert test == parts(split())[2]


def test_train_size_is_stratified_and_leaves_the_other_parts() -> None:
    train, validation, test = parts(split(train_size=64))
    whole = parts(split())
    assert [validation, test] == whole[1:]
    assert set(train) < set(whole[0])
    assert np.bincount(LABELS[train]).tolist() == [32, 19, 13]
    assert parts(split(train_size=128)) == whole


@pytest.mark.parametrize(
    ("size", "message"),
    [(129, r"129 is more than the 128 training examples of toy"), (2, r"2 is less than the 3 classes of toy")],
)
def test_impossible_train_size_is_told(size: int, message: str) -> None:
    with pytest.raises(UserError, match=f"dataset.train_size: {message}"):
        split(train_size=size)


@pytest.mark.parametrize("size", [125, 126, 127])
def test_almost_all_training_examples(size: int) -> None:
    assert len(split(train_size=size).train) == size


def test_class_that_is_too_small_is_named() -> None:
    labels = np.append(LABELS, 3)
    with pytest.raises(UserError, match="class 'rare' of toy has 1 distinct example"):
        split(labels, class_names=("a", "b", "c", "rare"))


def test_class_of_copies_is_too_small() -> None:
    labels = np.append(LABELS, [3, 3, 3])
    groups = np.append(np.arange(200), [200, 200, 200])
    with pytest.raises(UserError, match="class 3 of toy has 1 distinct example"):
        split(labels, groups=groups)


def test_class_smaller_than_the_folds_is_named() -> None:
    with pytest.raises(UserError, match=r"class 2 of toy has 40 distinct example\(s\) to split, at least 50"):
        split(folds=50)


def test_missing_test_part_is_told() -> None:
    with pytest.raises(UserError, match=r"dataset\.test_fraction: toy has no test part of its own"):
        split(test_fraction=None)


@pytest.mark.parametrize("keys", [{"test_fraction": 0.25}, {"folds": 5}])
def test_a_test_part_is_drawn_beside_an_official_validation_part(keys: dict[str, Any]) -> None:
    validation = np.arange(0, 200, 4)
    for seed in range(5):
        train, kept, test = parts(split(seed=seed, validation=validation, **keys))
        assert kept == validation.tolist()
        assert sorted(train + kept + test) == list(range(200))
        assert not set(test) & set(kept)
    whole, both, _ = parts(split(protocol="paper", validation=validation, **keys))
    assert set(validation) - set(both) <= set(whole)


@pytest.mark.parametrize(("protocol", "said"), [("heldout", ["test", "validation"]), ("paper", ["test"])])
def test_classes_that_a_part_has_no_example_of_are_said(protocol: ProtocolName, said: list[str]) -> None:
    labels = np.repeat(np.arange(2), (200, 2))

    def images(part: npt.NDArray[np.int64]) -> TensorImages:
        pixels = torch.zeros(len(part), 1, 2, 2, dtype=torch.uint8)
        return TensorImages(pixels, torch.from_numpy(labels[part]), torch.zeros(1), torch.ones(1))

    spec = DataSpec("images", ("common", "rare"), (1, 2, 2))
    notes = split(labels, protocol=protocol, validation_fraction=0.01, test_fraction=0.01).bundle(spec, images).notes
    assert [note.split()[1] for note in notes] == said
    assert all("no example of 1 of 2 classes, the first is 'rare'" in note for note in notes)
    assert split().bundle(spec, lambda part: images(part % 2 * 201)).notes == ()


@pytest.mark.parametrize("labels", [LABELS.astype(np.int32), LABELS.astype(np.uint8), LABELS.tolist()])
def test_labels_of_any_integer_type_are_class_indices(labels: Any) -> None:
    examples = Examples(labels=labels, class_names=("a", "b", "c"))
    assert examples.labels.dtype == np.int64
    assert np.array_equal(examples.labels, LABELS)
