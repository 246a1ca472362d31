"""What a method accepts it applies: nothing that is given to it, at its making or at a call, is without effect."""

import inspect
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.augmentation.loss import MixedLoss
from mixupe.augmentation.method import Method
from mixupe.augmentation.registry import own_methods
from mixupe.augmentation.targets import checked_targets

METHODS = own_methods()
MIXING = sorted({*METHODS} - {"none", "erm_penalty", "cutout", "spec_augment"})
Y = checked_targets(torch.arange(8) % 3)


def x_for(name: str) -> Tensor:
    x = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    return x.flatten(1) if name == "feat_mix" else x


class Net(nn.Sequential):
    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))


def scaled(logits: Tensor, y: Tensor) -> Tensor:
    return 3 * F.cross_entropy(logits, y, reduction="none")


def made(name: str, **arguments: Any) -> Method:
    defaults = {"noisy_feature_mixup": {"additive": 0.0, "multiplicative": 0.0}}
    return METHODS[name](**{**defaults.get(name, {}), **arguments})


def result(name: str, method: Method, seed: int = 0, **given: Any) -> MixedLoss:
    return method(Net(), x_for(name), Y, generator=torch.Generator().manual_seed(seed), **given)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_forward_is_how_the_model_is_called(name: str) -> None:
    class Doubled(Net):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)  # type: ignore[no-any-return, no-untyped-call]

    found = result(name, made(name), forward=lambda model, x: {"logits": 2 * model(x)})
    expected = made(name)(Doubled(), x_for(name), Y, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found.loss, expected.loss)
    assert torch.equal(found.logits, expected.logits)


@pytest.mark.parametrize("name", MIXING)
def test_merge_is_what_the_mixed_pass_gets(name: str) -> None:
    seen: list[Tensor] = []

    def nothing(x: Tensor, perm: Tensor) -> Tensor:
        seen.append(perm)
        return torch.zeros_like(x)

    found = result(name, made(name), merge=nothing)
    (perm,) = seen
    assert found.perm is not None
    assert torch.equal(perm, found.perm)
    assert torch.equal(found.logits, Net()(torch.zeros_like(x_for(name))))
    assert torch.equal(result(name, made(name), merge=lambda x, perm: x).loss, result(name, made(name)).loss)


@pytest.mark.parametrize("name", MIXING)
def test_what_merge_returns_is_checked(name: str) -> None:
    with pytest.raises(ValueError, match=r"^x: "):
        result(name, made(name), merge=lambda x, perm: [x])


@pytest.mark.parametrize("name", sorted({*METHODS} - {*MIXING}))
def test_where_nothing_is_mixed_nothing_is_merged(name: str) -> None:
    def never(x: Tensor, perm: Tensor) -> Tensor:
        raise AssertionError

    assert result(name, made(name), merge=never).perm is None


@pytest.mark.parametrize("name", sorted(METHODS))
def test_all_that_is_drawn_comes_from_the_generator(name: str) -> None:
    Net()  # seeds the global generator
    before = torch.get_rng_state()
    one, same, other = (result(name, made(name), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.loss, same.loss)
    assert torch.equal(one.loss, other.loss) == (name in ("none", "erm_penalty"))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_criterion_is_the_loss(name: str) -> None:
    of_theirs, of_ours = result(name, made(name, criterion=scaled)), result(name, made(name))
    torch.testing.assert_close(of_theirs.mixup_loss, 3 * of_ours.mixup_loss)
    torch.testing.assert_close(of_theirs.penalty, of_ours.penalty)


# Another value of each argument, and what makes the argument speak.
OTHER: dict[str, Any] = {
    "alpha": 0.01,
    "eta": 5.0,
    "variant": "v3",
    "threshold": -100.0,
    "x_mean": torch.full((1, 6, 6), 3.0),
    "mix_at": "4",
    "clean_pass": "joint",
    "penalty_every": 2,
    "criterion": scaled,
    "per_sample": True,
    "probability": 0.0,
    "batch_dim": 1,
    "smoothing": 0.3,
    "additive": 0.5,
    "multiplicative": 0.5,
    "k": 3,
    "side": 0.2,
    "frequency_masks": 3,
    "frequency_width": 2,
    "time_masks": 3,
    "time_width": 2,
}
SPEAKS: dict[str, dict[str, Any]] = {
    "threshold": {"variant": "v3", "eta": 1.0},
    "x_mean": {"variant": "exact", "eta": 1.0, "x_mean": torch.zeros(1, 6, 6)},
    "variant": {"eta": 1.0},
    "alpha": {"eta": 1.0},
}
ARGUMENTS = [(name, one) for name in sorted(METHODS) for one in inspect.signature(METHODS[name]).parameters]


def outcome(name: str, arguments: dict[str, Any]) -> object:
    """The gradients of three batches, by their norms, or why there are none. MixupE's penalty leaves a loss its value."""
    method, norms = made(name, **arguments), []
    for seed in range(3):
        model = Net()
        try:
            loss = method(model, x_for(name), Y, generator=torch.Generator().manual_seed(seed)).loss
        except ValueError as error:
            return str(error)
        norms += [float(one.double().norm()) for one in torch.autograd.grad(loss, list(model.parameters()))]
    return norms


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_each_argument_of_a_method_has_an_effect(name: str, argument: str) -> None:
    parameters = inspect.signature(METHODS[name]).parameters
    base = {key: value for key, value in SPEAKS.get(argument, {}).items() if key in parameters}
    other = OTHER[argument]
    if argument == "mix_at" and isinstance(parameters[argument].default, tuple):
        other = (other,)
    assert outcome(name, base) != outcome(name, {**base, argument: other})
