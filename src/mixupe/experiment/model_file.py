"""model.pt: a finished run's model with all that using it takes, its class names and the preparation of new examples too."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.data.base import DataBundle, DataSpec, Preparation
from mixupe.errors import UserError
from mixupe.experiment.config import parse_config
from mixupe.experiment.record import config_of
from mixupe.experiment.settings import RunSettings
from mixupe.files import previous
from mixupe.models.registry import build_model
from mixupe.training.checkpoint import load_checkpoint, save_checkpoint

FORMAT = 1


@dataclass(frozen=True)
class ModelFile:
    """What model.pt holds.

    Attributes:
        id: of the run.
        settings: of the run.
        spec, preparation: see `DataBundle`.
        split: digest of the split it was trained on.
        weights: name -> tensor on the CPU, of the epoch with the lowest validation error.
    """

    id: str
    settings: RunSettings
    spec: DataSpec
    preparation: Preparation | None
    split: str
    weights: dict[str, Tensor]

    def network(self) -> nn.Module:
        """The model with its weights, on the CPU, in evaluation mode."""
        model = build_model(self.settings.model, self.spec, self.settings.seed)
        model.load_state_dict(self.weights)
        return model.eval()


def write_model(
    path: Path, run: str, settings: RunSettings, data: DataBundle, weights: dict[str, Tensor], sync: bool = False
) -> None:
    """Whole or not at all: tensors and plain values, with a checksum as a checkpoint; on disk when it returns, if `sync`."""
    state = {
        "format": FORMAT,
        "id": run,
        "config": config_of(settings),
        "spec": asdict(data.spec),
        "preparation": data.preparation,
        "split": data.split_digest,
        "weights": {name: value.detach().cpu() for name, value in weights.items()},
    }
    save_checkpoint(path, state, sync)
    previous(path).unlink(missing_ok=True)


def read_model(path: Path, key: str = "run") -> ModelFile:
    """Loaded without trust: nothing in it can run code.

    Args:
        path: of the file.
        key: what an error message begins with.

    Raises:
        UserError: it is not there, is damaged, or of a later version.
    """
    state, problems = load_checkpoint(path, torch.device("cpu"))
    if state is None:
        if problems:
            raise UserError(
                f"{key}: {path} is damaged; it has been set aside, remove its run's folder to compute it again"
            )
        raise UserError(
            f"{key}: there is no {path}; a run that is not finished, was finished by an earlier version, or of which only a"
            " record is left has none"
        )
    if state.get("format") != FORMAT:
        raise UserError(f"{key}: {path} has the format {state.get('format')!r}, this version reads {FORMAT}")
    return _parsed(state)


def _parsed(state: dict[str, Any]) -> ModelFile:
    settings = parse_config(state["config"])
    parts = ("id", "preparation", "split", "weights")
    return ModelFile(settings=settings, spec=DataSpec(**state["spec"]), **{name: state[name] for name in parts})
