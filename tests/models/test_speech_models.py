"""Networks for speech: sizes, input shapes, and mixing at every stage that their configs name."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from mixupe import Mixup, MixupE
from mixupe.data.base import DataSpec
from mixupe.models.registry import build_model, model_settings
from mixupe.rng import generator

CONFIGS = Path(__file__).parents[2] / "configs" / "model"
SHAPES = {"MFCC": (1, 13, 40), "0.64 s": (1, 40, 65), "1 s": (1, 64, 101), "paper": (1, 160, 101)}
SMALL: list[tuple[str, dict[str, Any]]] = [
    ("lenet", {}),
    ("vgg11", {"width": 2, "dropout": 0.0}),
    ("vgg13", {"width": 2, "dropout": 0.0}),
    ("temporal_cnn", {"channels": [8, 8]}),
]


def build(name: str, shape: tuple[int, ...], **changes: Any) -> tuple[nn.Module, tuple[str, ...]]:
    values = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) | changes
    settings = model_settings(values)
    spec = DataSpec("speech", tuple("abcde"), shape)
    return build_model(settings, spec, seed=0), settings.stages


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("name", "changes"), SMALL)
def test_sizes_follow_the_input(name: str, changes: dict[str, Any], shape: tuple[int, ...]) -> None:
    network, _ = build(name, shape, **changes)
    assert network(torch.randn(3, *shape)).shape == (3, 5)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("vgg11", [64, 128, 256, 256, 512, 512, 512, 512]),
        ("vgg13", [64, 64, 128, 128, 256, 256, 512, 512, 512, 512]),
    ],
)
def test_vgg_has_convolutions_of_the_published_widths(name: str, published: list[int]) -> None:
    network, _ = build(name, (1, 40, 101))
    widths = [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert widths == published


def test_lenet_on_32x32_has_lecuns_widths() -> None:
    network, _ = build("lenet", (1, 32, 32))
    linear = [
        (module.in_features, module.out_features) for module in network.modules() if isinstance(module, nn.Linear)
    ]
    assert linear == [(16 * 8 * 8, 120), (120, 84), (84, 5)]


def test_temporal_cnn_takes_any_number_of_frames() -> None:
    network, _ = build("temporal_cnn", (1, 13, 40))
    network.eval()
    assert network(torch.randn(2, 1, 13, 7)).shape == (2, 5)


@pytest.mark.parametrize(("name", "changes"), SMALL)
def test_every_stage_can_be_mixed(name: str, changes: dict[str, Any]) -> None:
    network, stages = build(name, (1, 13, 40), **changes)
    x, y = torch.randn(4, 1, 13, 40, generator=generator(0, "init")), torch.arange(4)
    losses = []
    for stage in stages:
        mixed = Mixup(alpha=1.0, mix_at=stage)(network, x, y, generator=generator(0, "mix"))
        torch.autograd.backward(mixed.loss)
        assert mixed.logits.shape == (4, 5)
        losses.append(float(mixed.loss.detach()))
    assert len({round(loss, 6) for loss in losses}) == len(stages)


@pytest.mark.parametrize("variant", ["v1", "v3"])
@pytest.mark.parametrize(("name", "changes"), SMALL)
def test_mixupe_reaches_every_parameter(name: str, changes: dict[str, Any], variant: Any) -> None:
    network, _ = build(name, (1, 13, 40), **changes)
    method = MixupE(alpha=1.0, eta=0.1, variant=variant, x_mean=torch.zeros(1, 13, 40))
    result = method(network, torch.randn(6, 1, 13, 40), torch.arange(6) % 5, generator=generator(0, "mix"))
    torch.autograd.backward(result.loss)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
