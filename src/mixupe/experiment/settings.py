"""Everything one run needs to know, as one settings class."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mixupe.augmentation.settings import AugmentationSettings
from mixupe.data.base import DatasetSettings, ProtocolName
from mixupe.models.base import ModelSettings
from mixupe.settings import NonNegativeInt, Settings, written_as
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings
from mixupe.training.settings import TrainerSettings


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
_RUN_ID = r"^[0-9a-f]{1,16}$"
RunId = Annotated[
    str,
    Field(pattern=_RUN_ID),
    written_as(_RUN_ID, "the id of a run, 16 of 0-9 and a-f, or its beginning"),
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
