"""Networks for images: sizes, shapes, and mixing at every stage that their configs name."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from mixupe import Mixup, MixupE
from mixupe.data.base import DataSpec
from mixupe.errors import UserError
from mixupe.models.registry import build_model, model_settings
from mixupe.rng import generator

CONFIGS = Path(__file__).parents[2] / "configs" / "model"
SPEC = DataSpec("images", tuple("0123456789"), (3, 32, 32))


def build(name: str, spec: DataSpec = SPEC, **changes: Any) -> tuple[nn.Module, tuple[str, ...]]:
    values = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) | changes
    settings = model_settings(values)
    return build_model(settings, spec, seed=0), settings.stages


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("preactresnet18", 11_171_146),
        ("preactresnet34", 21_279_306),
        ("preactresnet50", 23_509_066),
        ("preactresnet101", 42_501_194),
        ("wrn_28_10", 36_479_194),
    ],
)
def test_parameter_counts_for_cifar10(name: str, parameters: int) -> None:
    network, _ = build(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


SMALL = [
    ("preactresnet18", {"width": 4}),
    ("preactresnet50", {"width": 4}),
    ("wrn_28_10", {"depth": 10, "widen_factor": 1, "dropout": 0.1}),
    ("resnet50", {"timm_name": "resnet18"}),
    ("vit_small", {"timm_name": "vit_tiny_patch16_224", "patch_size": 8}),
    ("coatnet_0", {"timm_name": "coatnet_pico_rw_224"}),
]


@pytest.mark.parametrize(("name", "changes"), SMALL)
def test_every_stage_can_be_mixed(name: str, changes: dict[str, Any]) -> None:
    network, stages = build(name, **changes)
    x, y = torch.randn(4, 3, 32, 32), torch.arange(4)
    losses = []
    for stage in stages:
        torch.manual_seed(0)
        mixed = Mixup(alpha=1.0, mix_at=stage)(network, x, y, generator=generator(0, "mix"))
        torch.autograd.backward(mixed.loss)
        assert mixed.logits.shape == (4, 10)
        losses.append(mixed.loss.item())
    assert len(set(losses)) == len(stages)
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(("name", "changes"), SMALL)
def test_mixupe_mixes_where_it_is_told(name: str, changes: dict[str, Any]) -> None:
    network, stages = build(name, **changes)
    x, y = torch.randn(4, 3, 32, 32), torch.arange(4)
    mixed = MixupE(alpha=1.0, eta=0.01, mix_at=stages[1])(network, x, y, generator=generator(0, "mix"))
    torch.autograd.backward(mixed.loss)
    assert torch.isfinite(mixed.loss)
    assert mixed.penalty != 0


@pytest.mark.parametrize(("name", "millions"), [("vit_base", 86.57), ("coatnet_0", 25.04)])
def test_sizes_at_224_are_the_published_ones(name: str, millions: float) -> None:
    network, _ = build(name, spec=DataSpec("images", tuple(map(str, range(1000))), (3, 224, 224)))
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 2) == millions


@pytest.mark.parametrize("name", ["resnet50", "vit_small", "vit_base", "coatnet_0"])
def test_timm_stages_are_modules_of_the_full_network(name: str) -> None:
    network, stages = build(name, spec=DataSpec("images", ("a", "b", "c"), (1, 64, 64)))
    assert set(stages[1:]) <= {module for module, _ in network.named_modules()}
    with torch.no_grad():
        assert network.eval()(torch.randn(1, 1, 64, 64)).shape == (1, 3)


def test_the_init_is_a_function_of_the_seed() -> None:
    first, second = (build("wrn_28_10", depth=10, widen_factor=1)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_dropout_sits_between_the_convolutions_of_a_block() -> None:
    network, _ = build("wrn_28_10", depth=10, widen_factor=1, dropout=0.3)
    drops = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert drops == [0.3] * 3


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("resnet50", {"timm_name": "resnet5O"}, "has no model 'resnet5O', close are .*resnet50"),
        ("vit_small", {"patch_size": 5}, "images of 32x32 cannot be cut into patches of 5"),
        ("wrn_28_10", {"depth": 27}, "must be 6n \\+ 4"),
    ],
)
def test_impossible_settings_are_told(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises((UserError, ValueError), match=message):
        build(name, **changes)
