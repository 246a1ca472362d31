"""Runs in words: a run by itself, and the runs of a sweep by what they differ in."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mixupe.experiment.config import RunSettings

_NAMED = ("dataset", "model", "augmentation")
_PLACES = {"data", "output_root", "logger"}
# Of an id, as much as tells runs apart.
SHORT_ID = 8


def title_of(settings: RunSettings) -> str:
    """Data set, model, augmentation and seed."""
    return f"{' '.join(_names(settings))} seed {settings.seed}"


def titles_of(settings: Sequence[RunSettings], ids: Sequence[str]) -> list[str]:
    """A title for each run of a sweep: the names and values that differ, and its short id.

    `wine alpha=0.5 seed=0 1f00ba12`; a value is shown where runs of the same names differ in it. The only run of a sweep
    is shown by its whole title.
    """
    names = [_names(run) for run in settings]
    shown = [position for position in range(len(_NAMED)) if len({parts[position] for parts in names}) > 1]
    values = [dict(_flat(run.model_dump(mode="json", serialize_as_any=True))) for run in settings]
    varied: dict[tuple[str, ...], list[str]] = {}
    for group in set(names):
        members = [value for name, value in zip(names, values, strict=True) if name == group]
        keys = {key: None for member in members for key in member}
        varied[group] = [key for key in keys if len({member.get(key) for member in members}) > 1]
    if len({run.seed for run in settings}) > 1:  # of other names, too
        varied = {group: [*(key for key in keys if key != "seed"), "seed"] for group, keys in varied.items()}
    titles = []
    for run, name, value, run_id in zip(settings, names, values, ids, strict=True):
        short = _short(varied[name])
        words = [name[position] for position in shown] + [f"{short[key]}={value[key]}" for key in short if key in value]
        titles.append(" ".join([*(words or [title_of(run)]), run_id[:SHORT_ID]]))
    return titles


def _names(settings: RunSettings) -> tuple[str, ...]:
    return settings.dataset.name, settings.model.name, settings.augmentation.name


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """`augmentation.alpha`: `0.5`; without names, places and what is a consequence of the names."""
    for name, value in values.items():
        key = f"{prefix}{name}"
        if key in _PLACES or key in {f"{part}.name" for part in _NAMED}:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value if isinstance(value, str) else json.dumps(value)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Each key by its last part, where no other has the same; `optimizer.name` by what it names."""
    last = {key: key.removesuffix(".name").rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: name if count[name] == 1 else key for key, name in last.items()}
