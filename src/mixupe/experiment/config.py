"""The whole config of a run, checked before any work starts; every complaint is one line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mixupe.data.base import ProtocolName
from mixupe.data.registry import dataset_settings
from mixupe.errors import UserError, wrong_key
from mixupe.experiment.settings import DataSettings, LoggerSettings, RunId, RunSettings
from mixupe.experiment.store import RunStore
from mixupe.models.registry import model_settings
from mixupe.settings import NonNegativeInt
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings
from mixupe.training.settings import TrainerSettings

T = TypeVar("T")
ID_LENGTH = 16


# The parts whose meaning does not depend on another part.
_INDEPENDENT_PARTS: dict[str, TypeAdapter[Any]] = {
    "optimizer": TypeAdapter(OptimizerSettings),
    "scheduler": TypeAdapter(SchedulerSettings),
    "trainer": TypeAdapter(TrainerSettings),
    "logger": TypeAdapter(LoggerSettings),
    "data": TypeAdapter(DataSettings),
    "seed": TypeAdapter(NonNegativeInt),
    "protocol": TypeAdapter(ProtocolName),
    "output_root": TypeAdapter(Path),
    "init_from": TypeAdapter(RunId | None),
}


def parse_config(config: Mapping[str, Any]) -> RunSettings:
    """A composed config (plain containers) as checked settings.

    Raises:
        UserError: names the key, the value and what is allowed.
    """
    # Keys that came later than records whose configs are read here have a default.
    later = {name: field.default for name, field in RunSettings.model_fields.items() if not field.is_required()}
    values = {**later, **config}
    unknown = set(values) - set(RunSettings.model_fields)
    if unknown:
        raise UserError(f"{sorted(unknown)[0]}: unknown key, allowed are {', '.join(RunSettings.model_fields)}")
    missing = set(RunSettings.model_fields) - set(values)
    if missing:
        raise UserError(f"{sorted(missing)[0]}: missing from the config")

    dataset = _checked("dataset", values, dataset_settings)
    model = _checked("model", values, model_settings)
    rest = {key: _checked(key, values, adapter.validate_python) for key, adapter in _INDEPENDENT_PARTS.items()}
    rest["init_from"] = _whole_id(rest["init_from"], rest["output_root"])
    # Here and last: methods import torch, which takes seconds.
    from mixupe.augmentation.config import augmentation_settings
    from mixupe.experiment.rules import check_settings

    augmentation = _checked(
        "augmentation", values, lambda part: augmentation_settings(part, dataset.domain, model.stages)
    )
    settings = RunSettings.model_construct(dataset=dataset, model=model, augmentation=augmentation, **rest)
    check_settings(settings)
    return settings


def _whole_id(beginning: str | None, output_root: Path) -> str | None:
    """The id of the run in the store that begins so; a whole one as it is."""
    if beginning is None or len(beginning) == ID_LENGTH:
        return beginning
    store = RunStore(output_root)
    found = store.beginning(beginning)
    if len(found) != 1:
        raise UserError(f"init_from: {beginning!r} must begin the id of one run, begins {len(found)} in {store.runs}")
    return found[0].id


def _checked(key: str, values: Mapping[str, Any], parse: Callable[[Any], T]) -> T:
    try:
        return parse(values[key])
    except ValidationError as error:
        raise UserError(wrong_key(error, key)) from error
