"""Runs in words: by what they differ in."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mixupe.runs.stored import StoredRun

_NAMES = {"dataset.name", "model.name", "augmentation.name"}
# Runs that differ in these alone compute the same.
_NO_SCIENCE = {"trainer.device", "trainer.threads", "trainer.stack", "trainer.checkpoint_every", "dataset.path"}


@dataclass(frozen=True)
class SummaryTexts:
    """Attributes:
    common: names of data set, model and augmentation that all of the runs have; may be empty.
    each: of each run, in their order, what else it is: `mixup alpha=0.5 seed=0`; all its names where nothing else is.
    """

    common: str
    each: tuple[str, ...]


def summary_texts(runs: Sequence[StoredRun], with_seed: bool = True) -> SummaryTexts:
    """What tells these runs apart.

    A key that follows from a name (`augmentation.eta` is there with mixupe alone) is said where runs of the same names
    differ in it.
    """
    shared = [len(runs) > 1 and len({run.names[position] for run in runs}) == 1 for position in range(3)]
    groups: dict[tuple[str, ...], list[StoredRun]] = {}
    for run in runs:
        groups.setdefault(run.names, []).append(run)
    several_seeds = len({run.flat.get("seed") for run in runs}) > 1
    keys = {
        names: _short([*_varying(members), *["seed"] * (with_seed and several_seeds)])
        for names, members in groups.items()
    }
    each = []
    for run in runs:
        words = [name for name, is_shared in zip(run.names, shared, strict=True) if not is_shared]
        words += [f"{short}={shown(run.flat[key])}" for key, short in keys[run.names].items() if key in run.flat]
        each.append(" ".join(words or run.names))
    common = [name for name, is_shared in zip(runs[0].names, shared, strict=True) if is_shared] if runs else []
    return SummaryTexts(" ".join(common), tuple(each))


def shown(value: Any) -> str:
    """As one writes it on the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _varying(runs: Sequence[StoredRun]) -> list[str]:
    """Keys that differ between runs of the same names, but for the seed."""
    keys = dict.fromkeys(key for run in runs for key in run.flat if key not in {*_NAMES, *_NO_SCIENCE, "seed"})
    return [key for key in keys if len({shown(run.flat.get(key)) for run in runs}) > 1]


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Each key by its last part, where no other has the same; `optimizer.name` by what it names."""
    last = {key: key.removesuffix(".name").rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: name if count[name] == 1 else key for key, name in last.items()}
