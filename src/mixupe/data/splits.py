"""Train, validation and test indices: stratified, seeded, duplicates on one side."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold, train_test_split

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings, DataSpec, Preparation, Split, TestPart
from mixupe.errors import UserError
from mixupe.files import replacing
from mixupe.rng import stream_seed

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Indexes:
    """Sorted example indices of the three parts, (n,) each; with protocol `paper`, validation and test are the same part."""

    train: Indices
    validation: Indices
    test: Indices
    test_part: TestPart = "drawn"

    @property
    def digest(self) -> str:
        """SHA-256 over the three lists."""
        parts = (np.asarray(part, dtype="<i8").tobytes() for part in (self.train, self.validation, self.test))
        return hashlib.sha256(b"|".join(parts)).hexdigest()

    def bundle(
        self,
        spec: DataSpec,
        split: Callable[[Indices], Split],
        notes: tuple[str, ...] = (),
        preparation: Preparation | None = None,
    ) -> DataBundle:
        """The data set of these parts.

        Args:
            spec: sizes and names for the model.
            split: makes a part of the indices, (n,) int64, of its examples.
            notes, preparation: see DataBundle.
        """
        validation, test = split(self.validation), split(self.test)
        notes += _absent("test", test, spec.class_names)
        if not np.array_equal(self.validation, self.test):
            notes += _absent("validation", validation, spec.class_names)
        return DataBundle(
            spec,
            train=split(self.train),
            validation=validation,
            test=test,
            split_digest=self.digest,
            test_part=self.test_part,
            notes=notes,
            ids={"train": self.train, "validation": self.validation, "test": self.test},
            preparation=preparation,
        )


@dataclass(frozen=True, kw_only=True)
class Examples:
    """What is known of a set's N examples besides their inputs.

    Attributes:
        labels: (N,) class indices, of any integer type.
        class_names: K of them.
        test, validation: (n,) indices of the examples in the set's own parts; None where it has no such part.
        groups: (N,) ids; examples with one id (duplicates, recordings of one word) stay on one side of a split. None where
            each is for itself.
        notes: see DataBundle.
    """

    labels: Indices
    class_names: tuple[str, ...]
    test: Indices | None = None
    validation: Indices | None = None
    groups: npt.ArrayLike | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.asarray(self.labels, dtype=np.int64))

    def split(self, settings: DatasetSettings, request: DataRequest) -> Indexes:
        """The three parts; a function of the seed and the data, never of the method.

        The index lists are also stored below `request.root`, named by their digest.

        Args:
            settings: fractions, folds and train_size.
            request: seed and protocol.

        Raises:
            UserError: a class has too few examples to be on every side, or train_size exceeds what there is.
        """
        y = self.labels
        units = np.arange(len(y)) if self.groups is None else np.unique(np.asarray(self.groups), return_inverse=True)[1]
        everything = np.arange(len(y))
        # What a test part is drawn from, where the set has none of its own.
        pool = everything if self.validation is None else np.setdiff1d(everything, self.validation)
        seed = stream_seed(request.seed, "split") % 2**32
        splitter = _Splitter(y, units, settings.name, self.class_names)

        if self.test is not None:
            origin: TestPart = "own"
            test_part = np.asarray(self.test, dtype=np.int64)
        elif settings.folds is not None:
            origin = "fold"
            _, test_part = splitter.fold(pool, settings.folds, request.seed)
        elif settings.test_fraction is not None:
            origin = "drawn"
            _, test_part = splitter.holdout(pool, settings.test_fraction, seed)
        else:
            raise UserError(
                f"dataset.test_fraction: {settings.name} has no test part of its own; give a number in (0, 1)"
            )
        rest = np.setdiff1d(everything, test_part)

        if request.protocol == "paper":
            train, validation_part = rest, test_part
        elif self.validation is not None:
            validation_part = np.asarray(self.validation, dtype=np.int64)
            train = np.setdiff1d(rest, validation_part)
        else:
            train, validation_part = splitter.holdout(rest, settings.validation_fraction, seed)

        if settings.train_size is not None:
            if settings.train_size > len(train):
                raise UserError(
                    f"dataset.train_size: {settings.train_size} is more than the {len(train)} training examples of"
                    f" {settings.name}"
                )
            train = splitter.sample(train, settings.train_size, seed)
        indexes = Indexes(np.sort(train), np.sort(validation_part), np.sort(test_part), origin)
        _store(indexes, request.root)
        return indexes


def _absent(part: str, split: Split, class_names: Sequence[str]) -> tuple[str, ...]:
    """A note on classes that a part has no example of, as rare ones may."""
    counts = np.bincount(split.labels.numpy(), minlength=len(class_names))
    absent = [name for name, count in zip(class_names, counts, strict=False) if not count]
    if not absent:
        return ()
    return (
        f"the {part} part has no example of {len(absent)} of {len(class_names)} classes, the first is {absent[0]!r}: its"
        " errors say nothing of them",
    )


def _store(indexes: Indexes, root: Path) -> None:
    """Keep the index lists at <root>/splits/<digest>.npz, so that a record's split can be used elsewhere."""
    path = root / "splits" / f"{indexes.digest}.npz"
    if path.exists():
        return
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, train=indexes.train, validation=indexes.validation, test=indexes.test)


class _Splitter:
    """Stratified splits of whole units (groups of duplicates; single examples where there are no groups)."""

    def __init__(self, y: Indices, units: Indices, name: str, class_names: Sequence[str]) -> None:
        self.y, self.units, self.name, self.class_names = y, units, name, class_names

    def _units_of(self, part: Indices) -> tuple[Indices, Indices]:
        """Unit ids in `part` and the label of each (of its first example)."""
        ids, first = np.unique(self.units[part], return_index=True)
        return ids, self.y[part][first]

    def _members(self, part: Indices, ids: Indices) -> Indices:
        return part[np.isin(self.units[part], ids)]

    def _check(self, labels: Indices, at_least: int) -> None:
        classes, counts = np.unique(labels, return_counts=True)
        rare = classes[counts < at_least]
        if len(rare):
            label = repr(self.class_names[rare[0]]) if self.class_names else int(rare[0])
            count = counts[counts < at_least][0]
            raise UserError(
                f"dataset: class {label} of {self.name} has {count} distinct example(s) to split, at least {at_least}"
                " are needed so that every part has one"
            )

    def holdout(self, part: Indices, fraction: float, seed: int) -> tuple[Indices, Indices]:
        """What is kept and the fraction that is held out."""
        ids, labels = self._units_of(part)
        self._check(labels, 2)
        # At least one unit a class on the small side, or sklearn refuses to stratify.
        small = max(round(fraction * len(ids)), len(np.unique(labels)))
        if len(ids) - small < len(np.unique(labels)):
            raise UserError(
                f"dataset: {self.name} has too few examples ({len(ids)}) for {len(np.unique(labels))} classes"
            )
        keep, held_out = train_test_split(ids, test_size=small, stratify=labels, random_state=seed)
        return self._members(part, keep), self._members(part, held_out)

    def fold(self, part: Indices, folds: int, seed: int) -> tuple[Indices, Indices]:
        """What is kept and fold `seed % folds`."""
        ids, labels = self._units_of(part)
        self._check(labels, folds)
        # Seeds 0 to folds - 1 are the folds of one partition, the next `folds` seeds those of another.
        shuffle = stream_seed(seed // folds, "split") % 2**32
        parts = list(StratifiedKFold(folds, shuffle=True, random_state=shuffle).split(ids, labels))
        keep, held_out = parts[seed % folds]
        return self._members(part, ids[keep]), self._members(part, ids[held_out])

    def sample(self, part: Indices, size: int, seed: int) -> Indices:
        """`size` examples with the class shares of `part`, at least one of each class.

        sklearn's stratified split would refuse where few examples are left over.
        """
        classes, counts = np.unique(self.y[part], return_counts=True)
        if size < len(classes):
            raise UserError(f"dataset.train_size: {size} is less than the {len(classes)} classes of {self.name}")
        shares = size * counts / counts.sum()
        quota = np.maximum(np.floor(shares).astype(np.int64), 1)
        # Largest remainders first up to the size; classes raised to one example may have overdrawn it.
        for index in np.argsort(quota - shares, kind="stable")[: max(size - quota.sum(), 0)]:
            quota[index] += 1
        while quota.sum() > size:
            quota[np.argmax(quota)] -= 1
        random = np.random.default_rng(seed)
        chosen = [
            random.choice(part[self.y[part] == label], count, replace=False)
            for label, count in zip(classes, quota, strict=True)
        ]
        return np.concatenate(chosen)
