"""Which runs of a sweep are trained at once, and how runs travel to a worker: those as one job."""

import base64
import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from mixupe.experiment.config import RunSettings, parse_config
from mixupe.experiment.progress import say_once
from mixupe.experiment.record import config_of

T = TypeVar("T")

# trainer.stack: auto. Beyond it a run's share of a step hardly falls any more (docs/design.md).
AUTO = 32
# Key of a job's config that holds its runs; no part of any run's own config.
KEY = "stack"
# What the runs of one stack may differ in.
_VARIED = {"alpha", "eta"}


def chunks(jobs: Sequence[T], settings_of: Callable[[T], RunSettings], workers: int) -> list[list[T]]:
    """The jobs, those that can be trained at once put together: at least as many parts as workers, where there are so many.

    Args:
        jobs: in the order in which they are wanted.
        settings_of: a job's settings.
        workers: processes that run parts at the same time.
    """
    groups: dict[str, list[T]] = {}
    for number, job in enumerate(jobs):
        groups.setdefault(_group_of(settings_of(job)) or f"alone {number}", []).append(job)
    parts = []
    for group in groups.values():
        limit = settings_of(group[0]).trainer.stack
        size = AUTO if limit == "auto" else limit
        share = math.ceil(workers * len(group) / len(jobs))
        parts += _evenly(group, max(math.ceil(len(group) / size), min(share, len(group))))
    return parts


def as_job(settings: Sequence[RunSettings]) -> list[str]:
    """Overrides of one job for a launcher, which carry the whole settings of its runs.

    So what a job computes is settled when the sweep starts: a config that is edited while the job waits for its turn does
    not change it.
    """
    # Hydra's grammar would read quotes and ${} in them.
    packed = base64.b64encode(json.dumps([config_of(one) for one in settings]).encode()).decode()
    return [f"output_root={json.dumps(str(settings[0].output_root))}", f"+{KEY}='{packed}'"]


def runs_of(packed: str) -> list[RunSettings]:
    """What `as_job` has packed: the settings of each run."""
    return [parse_config(one) for one in json.loads(base64.b64decode(packed))]


def _group_of(settings: RunSettings) -> str | None:
    """Equal for runs that may be trained at once; None for one that is trained alone."""
    from mixupe.training.stackable import alone_by_settings  # which needs torch

    reason = alone_by_settings(settings.trainer, settings.augmentation)
    if reason is not None:
        if settings.trainer.stack not in (1, "auto"):
            say_once(f"trainer.stack: {settings.augmentation.name} runs are trained one by one: {reason}")
        return None
    plain: dict[str, Any] = settings.model_dump(mode="json", serialize_as_any=True, exclude={"seed"})
    plain["augmentation"] = {key: value for key, value in plain["augmentation"].items() if key not in _VARIED}
    return json.dumps(plain, sort_keys=True)


def _evenly(items: Sequence[T], parts: int) -> list[list[T]]:
    """Cut into parts that differ in length by one at most."""
    cuts = [round(part * len(items) / parts) for part in range(parts + 1)]
    return [list(items[start:stop]) for start, stop in pairwise(cuts)]
