"""A small network on data made here, and the trainer of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mixupe import ERMPenalty, Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.none import ERM
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.tensors import TensorSplit
from mixupe.rng import generator
from mixupe.training.distributed import ALONE, World
from mixupe.training.optimizer import CosineSettings, OptimizerSettings, SGDSettings
from mixupe.training.settings import TrainerSettings
from mixupe.training.trainer import Trainer

COSINE = CosineSettings(name="cosine", warmup=0.1, warmup_start=0.1)
SGD = SGDSettings(name="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)


def bundle() -> DataBundle:
    centres = torch.randn(3, 6, generator=generator(0, "test-centres"))

    def split(name: str, count: int) -> TensorSplit:
        y = torch.arange(count) % 3
        return TensorSplit(centres[y] + 0.7 * torch.randn(count, 6, generator=generator(0, name)), y)

    spec = DataSpec("tabular", ("a", "b", "c"), (6,))
    return DataBundle(spec, split("train", 61), split("validation", 30), split("test", 30), split_digest="")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def trainer(
    path: Path,
    method: Augmentation,
    *,
    model: nn.Module | None = None,
    data: DataBundle | None = None,
    seed: int = 0,
    optimizer: OptimizerSettings = SGD,
    world: World = ALONE,
    **settings: Any,
) -> Trainer:
    """A trainer of `network` on `bundle` for 6 epochs of 3 steps; `settings` change its TrainerSettings."""
    defaults: dict[str, Any] = {
        "epochs": 6,
        "batch_size": 20,
        "precision": "float32",
        "channels_last": False,
        "compile": False,
        "device": "cpu",
        "threads": 1,
        "checkpoint_every": 1,
    }
    return Trainer(
        network() if model is None else model,
        method,
        bundle() if data is None else data,
        TrainerSettings(**{**defaults, **settings}),
        optimizer,
        COSINE,
        seed,
        checkpoint=path,
        world=world,
    )


METHODS: dict[str, Callable[[], Augmentation]] = {
    "none": ERM,
    "mixup": lambda: Mixup(1.0),
    "mixupe": lambda: MixupE(1.0, 0.1),
    "mixupe-exact": lambda: MixupE(1.0, 0.1, variant="exact", x_mean=torch.zeros(6)),
    "erm_penalty": lambda: ERMPenalty(1.0, 0.1),
    "mixupe-v2-hidden": lambda: MixupE(1.0, 0.1, variant="v2", mix_at="4"),
}
