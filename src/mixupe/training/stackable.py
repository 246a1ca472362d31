"""Which runs can be trained at once. Each question is answered with the reason why not, or None."""

from pydantic import BaseModel

from mixupe.augmentation.config import (
    AugmentationSettings,
    ERMPenaltySettings,
    ManifoldMixupSettings,
    MixupESettings,
    MixupSettings,
    NoneSettings,
)
from mixupe.augmentation.mix_point import INPUT
from mixupe.data.tensors import TensorSplit
from mixupe.training.loop import Trainer
from mixupe.training.settings import TrainerSettings
from mixupe.training.stacked_loss import METHODS
from mixupe.training.stacked_network import LAYERS

# Later settings that a stack follows; any other that is not at its default is followed by single runs alone.
_FOLLOWED = {"clean_pass"}
# Exactly these: what a class derived from one of them changes, a stack would not follow.
_METHOD_SETTINGS = (NoneSettings, ERMPenaltySettings, MixupSettings, ManifoldMixupSettings, MixupESettings)


def alone_by_settings(trainer: TrainerSettings, augmentation: AugmentationSettings) -> str | None:
    """Why runs with these settings are trained each by itself; known before any data is loaded."""
    if trainer.stack == 1:
        return "trainer.stack is 1"
    if trainer.precision != "float32":
        return f"trainer.precision is {trainer.precision}"
    if trainer.compile:
        return "trainer.compile is true"
    if type(augmentation) not in _METHOD_SETTINGS:
        return f"a stack does not know the method {augmentation.name}"
    for name, settings in (("trainer", trainer), ("augmentation", augmentation)):
        later = _later_setting(settings)
        if later is not None:
            return f"{name}.{later} is not at its default"
    if isinstance(augmentation, MixupESettings) and augmentation.mix_at != INPUT:
        return f"augmentation.mix_at of mixupe is {augmentation.mix_at}"
    return None


def alone_by_model(trainer: Trainer) -> str | None:
    """As `alone_by_settings`, for what shows when data and model are there."""
    if not (isinstance(trainer.train, TensorSplit) and isinstance(trainer.validation, TensorSplit)):
        return "the data is not one tensor in memory"
    if trainer.ranks.size > 1:
        return "it runs in several processes"
    if trainer.within_epoch:
        return "it was stopped within an epoch"
    if type(trainer.augmentation) not in METHODS:
        return f"a stack does not know the method {type(trainer.augmentation).__name__}"
    for module in trainer.model.modules():
        if type(module) not in LAYERS:
            return f"the model has a {type(module).__name__}"
    return None


def _later_setting(settings: BaseModel) -> str | None:
    """A setting that came later than the records that count (`identity_default`) and is not at its default."""
    for name, field in type(settings).model_fields.items():
        extra = field.json_schema_extra
        if name in _FOLLOWED or not isinstance(extra, dict) or "identity_default" not in extra:
            continue
        if getattr(settings, name) != extra["identity_default"]:
            return name
    return None
