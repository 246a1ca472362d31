"""A training step makes the processor wait for nothing: no value is read from the device, no copy blocks."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mixupe import ManifoldMixup, Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.none import ERM
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.graphs.flat import FlatGraphs
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.tensors import TensorSplit
from mixupe.training.optimizer import AdamWSettings
from tests.training.conftest import SGD, trainer

META = torch.device("meta")
COUNT = 40
LABELS = torch.arange(COUNT) % 3

SPLITS: dict[str, Callable[[], Any]] = {
    "tensors": lambda: TensorSplit(torch.randn(COUNT, 3), LABELS),
    "images": lambda: TensorImages(
        torch.randint(256, (COUNT, 1, 6, 6), dtype=torch.uint8),
        LABELS,
        torch.zeros(1),
        torch.ones(1),
        crop_padding=2,
        flip=True,
    ),
    "graphs": lambda: FlatGraphs(
        x=torch.randn(2 * COUNT, 3),
        edge_index=torch.randint(2, (2, 3 * COUNT)),
        edge_attr=None,
        node_offsets=torch.arange(COUNT + 1) * 2,
        edge_offsets=torch.arange(COUNT + 1) * 3,
        targets=LABELS,
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_no_value_of_the_data_is_read(name: str) -> None:
    """The meta device has no values, so reading one there is an error."""
    split = SPLITS[name]().to(META)
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))
    for _, y in split.batches(torch.split(order, 4), torch.Generator().manual_seed(0)):
        assert y.device == META
        assert len(y) == 4


def images() -> DataBundle:
    spec = DataSpec("images", ("a", "b", "c"), (1, 6, 6))
    return DataBundle(spec, SPLITS["images"](), SPLITS["images"](), SPLITS["images"](), split_digest="")


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(128, 3)
    )


METHODS: dict[str, Callable[[], Augmentation]] = {
    "none": ERM,
    "mixup": lambda: Mixup(1.0),
    "manifold-mixup": lambda: ManifoldMixup(1.0, ["input", "2", "5"]),
    "mixupe-v1": lambda: MixupE(1.0, 0.1, "v1", x_mean=torch.zeros(1, 6, 6)),
    "mixupe-v2-hidden": lambda: MixupE(1.0, 0.1, "v2", mix_at="5"),
    "mixupe-v3": lambda: MixupE(1.0, 0.1),
    "mixupe-v4-joint": lambda: MixupE(1.0, 0.1, "v4", clean_pass="joint"),
    "mixupe-every-2": lambda: MixupE(1.0, 0.1, penalty_every=2),
}


@pytest.mark.gpu
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "optimizer", [SGD, AdamWSettings(name="adamw", lr=0.01, weight_decay=0.01)], ids=["sgd", "adamw"]
)
@pytest.mark.parametrize(
    "settings",
    [{}, {"accumulate": 2, "ema": 0.9}, {"precision": "bf16", "channels_last": True}],
    ids=["plain", "accumulate-ema", "bf16-channels-last"],
)
def test_a_step_never_waits_for_the_gpu(tmp_path: Path, name: str, optimizer: Any, settings: dict[str, Any]) -> None:
    """Data augmentation, method, optimizer, schedule and moving average."""
    fitted = trainer(
        tmp_path / "x.pt",
        METHODS[name](),
        model=convolutional(),
        data=images(),
        optimizer=optimizer,
        device="cuda",
        **settings,
    )
    fitted.fit(lambda *_: None)  # what is set up once may wait
    size = 20 // settings.get("accumulate", 1)
    indices = cycle(torch.split(torch.randperm(COUNT), size))
    batches = fitted.train.batches(indices, torch.Generator().manual_seed(0))
    fitted.model.train()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = [fitted._train_step(step, [size] * (20 // size), batches) for step in range(4)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.stack(losses).isfinite().all()
