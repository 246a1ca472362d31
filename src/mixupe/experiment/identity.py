"""Run identity: the hash of everything that can change a run's numbers, and of nothing else."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from mixupe.data.registry import content_version
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.titles import NOT_COMPUTED

# Raised when a change of code changes the numbers that an unchanged config gives.
RESULTS_VERSION = 1


def identity(settings: RunSettings) -> dict[str, Any]:
    """The science-relevant part of the settings as plain JSON values.

    Fields marked `json_schema_extra={"identity": False}` (device, threads, workers, paths) are left out; files of the
    user's own count by their content. A field marked `{"identity_default": value}` came later than records that count:
    it is left out where it has that value, so that their ids stay what they are.
    """
    return {
        **_relevant(settings),
        "content": content_version(settings.dataset),
        "engine": RESULTS_VERSION,
    }


def run_id(settings: RunSettings) -> str:
    """16 hexadecimal digits; equal for two settings that compute the same."""
    return id_of(identity(settings))


def id_of(values: Mapping[str, Any]) -> str:
    """As `run_id`, of a run's `identity`."""
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def run_ids(settings: Sequence[RunSettings]) -> list[str]:
    """As `run_id` for each; the settings differ in the seed alone, so that all else is looked at once."""
    common = identity(settings[0]) if settings else {}
    return [id_of({**common, "seed": run.seed}) for run in settings]


def ids_of_shorter(settings: RunSettings) -> dict[int, str]:
    """Epochs, ascending from 1 -> id of the run that differs in having only so many."""
    values = identity(settings)
    trainer = values["trainer"]
    return {
        epochs: id_of({**values, "trainer": {**trainer, "epochs": epochs}})
        for epochs in range(1, settings.trainer.epochs)
    }


def group_id(settings: RunSettings) -> str:
    """The identity without the seed: equal for the seeds of one cell."""
    return group_of(identity(settings))


def group_of(values: Mapping[str, Any]) -> str:
    """As `group_id`, of a run's `identity`."""
    return id_of({key: value for key, value in values.items() if key != "seed"})


def _relevant(model: BaseModel) -> dict[str, Any]:
    plain = model.model_dump(mode="json", serialize_as_any=True)
    result: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if name in NOT_COMPUTED or extra.get("identity") is False:
            continue
        if "identity_default" in extra and extra["identity_default"] == plain[name]:
            continue
        value = getattr(model, name)
        result[name] = _relevant(value) if isinstance(value, BaseModel) else plain[name]
    return result
