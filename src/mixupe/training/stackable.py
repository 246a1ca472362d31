"""Which runs can be trained at once. Each question is answered with the reason why not, or None."""

from pydantic import BaseModel
from torch import nn

from mixupe.augmentation.config import prototype
from mixupe.augmentation.method import stack_plan
from mixupe.augmentation.settings import AugmentationSettings
from mixupe.data.graphs.flat import FlatGraphs
from mixupe.data.tensors import TensorSplit
from mixupe.models.dropout import Dropout
from mixupe.models.mlp import MLP, BlockEmbedding
from mixupe.training.settings import TrainerSettings
from mixupe.training.trainer import Trainer

# What a network may be made of: layers of which `vmapped_layers` knows that they do with others at once what they do alone.
LAYERS = (MLP, BlockEmbedding, nn.Sequential, nn.ModuleList, nn.Linear, nn.ReLU, Dropout)


def alone_by_settings(trainer: TrainerSettings, augmentation: AugmentationSettings) -> str | None:
    """Why runs with these settings are trained each by itself; known before any data is loaded."""
    if trainer.stack == 1:
        return "trainer.stack is 1"
    if trainer.precision != "float32":
        return f"trainer.precision is {trainer.precision}"
    if trainer.compile:
        return "trainer.compile is true"
    method = prototype(augmentation)
    if stack_plan(method) is None:
        return f"a stack does not know the method {augmentation.name}"
    later = _later_setting(trainer)
    return f"trainer.{later} is not at its default" if later is not None else method.obstacle("stack")


def alone_by_model(trainer: Trainer) -> str | None:
    """As `alone_by_settings`, for what shows when data and model are there."""
    splits = trainer.train, trainer.validation
    are_graphs = all(isinstance(split, FlatGraphs) for split in splits)
    if not (are_graphs or all(isinstance(split, TensorSplit) for split in splits)):
        return "the data is not one tensor in memory"
    if trainer.world.size > 1:
        return "it runs in several processes"
    if trainer.within_epoch:
        return "it was stopped within an epoch"
    if stack_plan(trainer.augmentation) is None:
        return f"a stack does not know the method {type(trainer.augmentation).__name__}"
    layers = LAYERS + _graph_layers() if are_graphs else LAYERS
    for module in trainer.model.modules():
        if type(module) not in layers:
            return f"the model has a {type(module).__name__}"
    return None


def _graph_layers() -> tuple[type[nn.Module], ...]:
    from mixupe.training.vmapped_graphs import GRAPH_LAYERS  # PyTorch Geometric is slow to import

    return GRAPH_LAYERS


def _later_setting(settings: BaseModel) -> str | None:
    """A setting that came later than the records that count (`identity_default`) and is not at its default: a stack does
    not follow it.
    """
    for name, field in type(settings).model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or "identity_default" not in extra:
            continue
        if getattr(settings, name) != extra["identity_default"]:
            return name
    return None
