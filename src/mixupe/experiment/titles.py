"""Runs in words: a run by itself, and several by what they differ in."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # words are also found for records, without what reads a config
    from mixupe.experiment.settings import RunSettings

# Of an id, as much as tells runs apart.
SHORT_ID = 8
# A run's config with its keys in full, `augmentation.alpha`.
Flat = Mapping[str, Any]
_NAMED = ("dataset.name", "model.name", "augmentation.name")
# Facts for people, places and mirrors: no part of what is computed.
NOT_COMPUTED = {"card", "stages", "logger", "data", "output_root"}
# Runs that differ in these alone compute the same, or are told apart by a name already.
_NEVER_SAID = {
    *_NAMED,
    "trainer.device",
    "trainer.threads",
    "trainer.stack",
    "trainer.checkpoint_every",
    "dataset.path",
}


@dataclass(frozen=True)
class Words:
    """What runs are called beside each other.

    Attributes:
        common: names of data set, model and augmentation that all of the runs have; may be empty.
        each: in their order, what else each run is: `mixup alpha=0.5 seed=0`; all its names where nothing else is.
    """

    common: str
    each: tuple[str, ...]


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The config as `augmentation.alpha` -> 0.5, without places and facts for people."""
    return dict(_flat(config, prefix))


def names(run: Flat) -> tuple[str, str, str]:
    """Data set, model and augmentation."""
    dataset, model, augmentation = (run.get(key, "?") for key in _NAMED)
    return dataset, model, augmentation


def shown(value: Any) -> str:
    """As one writes it on the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def title_of(settings: "RunSettings") -> str:
    """Data set, model, augmentation and seed."""
    return f"{settings.dataset.name} {settings.model.name} {settings.augmentation.name} seed {settings.seed}"


def titles_of(settings: Sequence["RunSettings"], ids: Sequence[str]) -> list[str]:
    """A title for each run of a sweep: what differs, and its short id: `wine alpha=0.5 seed=0 1f00ba12`.

    The only run of a sweep has its whole title.
    """
    said: Sequence[str] = [title_of(of_run) for of_run in settings]
    if len(settings) > 1:
        said = summary_texts([flat(of_run.model_dump(mode="json", serialize_as_any=True)) for of_run in settings]).each
    return [f"{words} {run[:SHORT_ID]}" for words, run in zip(said, ids, strict=True)]


def summary_texts(runs: Sequence[Flat], with_seed: bool = True) -> Words:
    """What tells these runs apart.

    A key that follows from a name (`augmentation.eta` is there with mixupe alone) is said where runs of the same names
    differ in it.
    """
    shared = [len(runs) > 1 and len({names(run)[position] for run in runs}) == 1 for position in range(len(_NAMED))]
    groups: dict[tuple[str, ...], list[Flat]] = {}
    for run in runs:
        groups.setdefault(names(run), []).append(run)
    several_seeds = len({run.get("seed") for run in runs}) > 1
    keys = {
        group: short_names([*_varying(members), *["seed"] * (with_seed and several_seeds)])
        for group, members in groups.items()
    }
    each = []
    for run in runs:
        words = [name for name, is_shared in zip(names(run), shared, strict=True) if not is_shared]
        words += [f"{short}={shown(run[key])}" for key, short in keys[names(run)].items() if key in run]
        each.append(" ".join(words or names(run)))
    if len({run.get("dataset.path") for run in runs}) > 1:  # files of one name in several folders
        times = Counter(each)
        each = [
            f"{words} path={run['dataset.path']}" if times[words] > 1 else words
            for words, run in zip(each, runs, strict=True)
        ]
    common = [name for name, is_shared in zip(names(runs[0]), shared, strict=True) if is_shared] if runs else []
    return Words(" ".join(common), tuple(each))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if name in NOT_COMPUTED:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _varying(runs: Sequence[Flat]) -> list[str]:
    """Keys that differ between runs of the same names, but for the seed."""
    keys = dict.fromkeys(key for run in runs for key in run if key != "seed" and key not in _NEVER_SAID)
    return [key for key in keys if len({shown(run.get(key)) for run in runs}) > 1]


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each key by its last part, where no other has the same; `optimizer.name` by what it names."""
    last = {key: key.removesuffix(".name").rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: name if count[name] == 1 else key for key, name in last.items()}
