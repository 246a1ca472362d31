"""Which folders of a user's set are its parts: train, validation and test, under the names people give them."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from mixupe.errors import UserError

Part = Literal["train", "validation", "test"]

_NAMES: dict[Part, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validate", "validation", "dev", "devel", "development", "eval", "evaluation"),
    "test": ("test", "testing"),
}
WORDS = {word: part for part, words in _NAMES.items() for word in words}
# What stands beside such a word without meaning anything: test_set, ValImages, train2017.
_FILLERS = re.compile(r"sets?|data|datasets?|splits?|parts?|files|images?|imgs?|audio|clips?|recordings?|(19|20)\d\d")
# testset, traindata
_GLUED = re.compile(rf"({'|'.join(sorted(WORDS, key=len, reverse=True))})(sets?|data|images?|audio)?")
# Runs of one case: TrainSet, TEST_SET, test2.
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\WA-Za-z_]+")


def part_of(name: str) -> tuple[Part, str] | None:
    """The part that a folder's name stands for, and what else the name says: '' for `Train_set`, 'seg' for `seg_train`."""
    tokens = [token.lower() for token in _TOKENS.findall(name)]
    matches = {token: match[1] for token in tokens if (match := _GLUED.fullmatch(token))}
    rest = [token for token in tokens if token not in matches and not _FILLERS.fullmatch(token)]
    return (WORDS[next(iter(matches.values()))], " ".join(rest)) if len(matches) == 1 else None


def find_parts(folder: Path, children: Sequence[Path], has_folders: Callable[[Path], bool]) -> dict[Part, Path]:
    """The parts among a folder's subfolders, training first; empty where the subfolders are classes.

    A class may be called train: then it lies beside other classes and holds files, not folders.

    Args:
        folder: of the set.
        children: its subfolders.
        has_folders: whether one of them has subfolders itself.

    Raises:
        UserError: something else lies beside the parts, two folders are one part, or none is for training.
    """
    named = _named(children)
    if not named or (len(named) < len(children) and not any(has_folders(child) for child in named)):
        return {}
    parts: dict[Part, Path] = {}
    for child in children:
        if child not in named:
            beside = ", ".join(path.name for path in named)
            raise UserError(
                f"dataset.path: {child} lies beside {beside}, allowed there are a training, a validation and a test"
                " folder only"
            )
        if named[child] in parts:
            raise UserError(f"dataset.path: {parts[named[child]]} and {child} are both a {named[child]} part; keep one")
        parts[named[child]] = child
    if "train" not in parts:
        found = ", ".join(path.name for path in parts.values())
        raise UserError(f"dataset.path: {folder} has {found} but no folder train, which a set in parts needs")
    order: tuple[Part, ...] = ("train", "validation", "test")
    return {part: parts[part] for part in order if part in parts}


def _named(children: Sequence[Path]) -> dict[Path, Part]:
    """Folders named after a part alone; else those whose names differ in the part only, like seg_train and seg_test."""
    by_rest: dict[str, dict[Path, Part]] = defaultdict(dict)
    for child in children:
        if (found := part_of(child.name)) is not None:
            by_rest[found[1]][child] = found[0]
    if "" in by_rest:
        return by_rest[""]
    return next((named for named in by_rest.values() if {"train"} < set(named.values())), {})
