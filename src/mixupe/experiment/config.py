"""The whole config of a run, checked before any work starts; every complaint is one line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from mixupe.augmentation.settings import AugmentationSettings
from mixupe.data.base import DatasetSettings, ProtocolName
from mixupe.data.registry import dataset_settings
from mixupe.errors import UserError, wrong_key
from mixupe.models.base import ModelSettings
from mixupe.models.registry import model_settings
from mixupe.settings import NonNegativeInt, Settings
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings
from mixupe.training.settings import TrainerSettings

T = TypeVar("T")
ID_LENGTH = 16


class LoggerSettings(Settings):
    """Where metrics go besides metrics.jsonl.

    Attributes:
        name: wandb, or none.
        mode: auto is online where the user is logged in and offline elsewhere.
        project, entity: as in wandb.init; None is WANDB_PROJECT, else mixupe, and WANDB_ENTITY, else the user's
            default.
        job_type: the table a run belongs to.
    """

    name: Literal["wandb", "none"]
    mode: Literal["auto", "online", "offline"]
    project: str | None
    entity: str | None
    job_type: str


class DataSettings(Settings):
    """Where data sets lie.

    Attributes:
        root: cache folder of data sets.
    """

    root: Path


# Or its beginning. On the command line an id without letters arrives as a number.
RunId = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{1,16}$"),
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
]


class RunSettings(Settings):
    """Everything one run needs to know.

    Attributes:
        seed: of the split, the initial weights, the order of the examples and all that is drawn.
        protocol: heldout chooses the epoch on the validation part and reads the test part once; paper, as the authors did,
            trains on all but the test part and takes the best epoch on test.
        output_root: folder of the run store and of all else that is written.
        init_from: id of a finished run in the same output_root, with whose weights (of its best-validation epoch) training
            starts; its beginning will do, and becomes the whole id. None initialises afresh.
    """

    dataset: DatasetSettings
    model: ModelSettings
    augmentation: AugmentationSettings
    optimizer: OptimizerSettings
    scheduler: SchedulerSettings
    trainer: TrainerSettings
    logger: LoggerSettings
    data: DataSettings
    seed: NonNegativeInt
    protocol: ProtocolName
    output_root: Path
    init_from: RunId | None = Field(default=None, json_schema_extra={"identity_default": None})


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
    runs = output_root / "runs"
    found = sorted(path.name for path in runs.glob(f"{beginning}*"))
    if len(found) != 1:
        raise UserError(f"init_from: {beginning!r} must begin the id of one run, begins {len(found)} in {runs}")
    return found[0]


def _checked(key: str, values: Mapping[str, Any], parse: Callable[[Any], T]) -> T:
    try:
        return parse(values[key])
    except ValidationError as error:
        raise UserError(wrong_key(error, key)) from error
