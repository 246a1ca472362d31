"""Which runs of a sweep are trained at once: those are one job."""

import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from mixupe.console import say_once
from mixupe.experiment.settings import RunSettings

T = TypeVar("T")

# trainer.stack: auto. Beyond it a run's share of a step hardly falls any more (docs/design.md).
AUTO = 32
# What the runs of one stack may differ in.
_VARIED = {"alpha", "eta"}


def chunks(runs: Sequence[T], settings_of: Callable[[T], RunSettings], workers: int) -> list[list[T]]:
    """The runs, those that can be trained at once put together: at least as many parts as workers, where there are so many.

    Args:
        runs: in the order in which they are wanted.
        settings_of: a run's settings.
        workers: processes that take parts at the same time.
    """
    groups: dict[str, list[T]] = {}
    for number, run in enumerate(runs):
        groups.setdefault(_group_of(settings_of(run)) or f"alone {number}", []).append(run)
    parts = []
    for group in groups.values():
        # Runs of one seed have one split: where duplicates make parts of different sizes, only they are trained at once.
        group.sort(key=lambda run: settings_of(run).seed)
        limit = settings_of(group[0]).trainer.stack
        size = AUTO if limit == "auto" else limit
        share = math.ceil(workers * len(group) / len(runs))
        parts += _evenly(group, max(math.ceil(len(group) / size), min(share, len(group))))
    return parts


def _group_of(settings: RunSettings) -> str | None:
    """Equal for runs that may be trained at once; None for one that is trained alone."""
    from mixupe.training.stackable import alone_by_settings  # which needs torch

    reason = alone_by_settings(settings.trainer, settings.augmentation)
    if reason is not None:
        if settings.trainer.stack not in (1, "auto"):
            say_once(f"trainer.stack: {settings.augmentation.name} runs are trained one by one: {reason}")
        return None
    # Graphs are shared by the runs of a stack, and with them the split and the order, which are the seed's.
    own = set() if settings.dataset.domain == "graphs" else {"seed"}
    plain: dict[str, Any] = settings.model_dump(mode="json", serialize_as_any=True, exclude=own)
    plain["augmentation"] = {key: value for key, value in plain["augmentation"].items() if key not in _VARIED}
    return json.dumps(plain, sort_keys=True)


def _evenly(items: Sequence[T], parts: int) -> list[list[T]]:
    """Cut into parts that differ in length by one at most."""
    cuts = [round(part * len(items) / parts) for part in range(parts + 1)]
    return [list(items[start:stop]) for start, stop in pairwise(cuts)]
