"""PreActResNet and MLP: published sizes, shapes, seeds."""

import pytest
import torch

from mixupe.data.base import DataSpec
from mixupe.models.registry import build_model, model_settings

IMAGES = DataSpec("images", tuple("0123456789"), (3, 32, 32))
RESNET = {"name": "preactresnet", "builder": "preactresnet", "stages": ("input",)}
MLP = {"name": "mlp", "builder": "mlp", "stages": ("input",)}


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_preactresnet18_has_the_published_size() -> None:
    """11.2 M at width 64; 11,171,146 is the count of the network the mixup literature trains on CIFAR-10."""
    assert parameters(build_model(model_settings(RESNET), IMAGES, seed=0)) == 11_171_146


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
@pytest.mark.parametrize("side", [8, 28, 33])
def test_preactresnet_takes_any_image_size(depth: int, side: int) -> None:
    spec = DataSpec("images", ("a", "b", "c"), (1, side, side))
    model = build_model(model_settings({**RESNET, "depth": depth, "width": 2}), spec, seed=0).eval()
    assert model(torch.zeros(2, 1, side, side)).shape == (2, 3)


def test_mlp_takes_its_sizes_from_the_data() -> None:
    model = build_model(model_settings({**MLP, "hidden": (5,)}), DataSpec("tabular", ("a", "b"), (7,)), seed=0)
    assert model(torch.zeros(4, 7)).shape == (4, 2)
    assert parameters(model) == 7 * 5 + 5 + 5 * 2 + 2


def test_weights_are_a_function_of_the_seed() -> None:
    settings = model_settings({**MLP, "hidden": (5,)})
    spec = DataSpec("tabular", ("a", "b"), (7,))
    torch.manual_seed(123)
    before = torch.get_rng_state()
    weights = [next(build_model(settings, spec, seed).parameters()) for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(before, torch.get_rng_state()), "the caller's random state is left alone"
