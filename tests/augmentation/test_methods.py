"""Mixup, MixupE, Manifold Mixup and ERM as they are used in a loop."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import ManifoldMixup, Mixup, MixupE, mixup_loss, mixupe_loss
from mixupe.augmentation.draw import draw_lam
from mixupe.augmentation.loss import cross_entropy
from mixupe.augmentation.mix_layer import MixLayer, interpolate
from mixupe.augmentation.none import ERM
from mixupe.augmentation.penalty import GRADIENT_VARIANTS


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


class Net(nn.Module):
    """Encoder with a reused activation, then a head, for inputs of any number of dimensions."""

    def __init__(self, features: int, classes: int = 3, hidden: int = 8, smooth: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.activation = nn.Tanh() if smooth else nn.ReLU()
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.activation(self.first(x.flatten(1)))
        logits: Tensor = self.head(self.activation(self.second(h)))
        return logits


def batch(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    x = torch.randn(6, *shape, generator=seeded(1), dtype=dtype)
    return x, torch.tensor([0, 1, 2, 0, 1, 2])


PERM = torch.tensor([3, 4, 0, 1, 5, 2])


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (1, 2, 2, 2, 3)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("variant", ["v1", "v2", "v3", "v4"])
def test_any_number_of_dimensions_and_any_float_dtype(shape: tuple[int, ...], dtype: torch.dtype, variant: str) -> None:
    x, y = batch(*shape, dtype=dtype)
    model = Net(x[0].numel()).to(dtype)
    result = mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.1, variant=variant, x_mean=x.float().mean(0))
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.loss.isfinite()
    assert result.logits.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_v2_penalty_is_the_directional_derivative_by_finite_differences() -> None:
    x, y = batch(5)
    model = Net(5, smooth=True).double()
    x_mean = x.mean(0)
    result = mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.1, variant="v2", x_mean=x_mean)
    with torch.no_grad():
        residual = model(x).softmax(1) - nn.functional.one_hot(y, 3)
        step = 1e-6
        moved = model(x + step * (x_mean - x)) - model(x - step * (x_mean - x))
        expected = (moved * residual).sum(1).abs().mean() / (2 * step)
    torch.testing.assert_close(result.penalty.detach(), expected, rtol=1e-7, atol=0)


def test_v2_gradient_by_finite_differences_of_the_penalty() -> None:
    """The double backward: d penalty / d weight with the residual held fixed, as the stop-gradient asks."""
    x, y = batch(5)
    model = Net(5, smooth=True).double()
    x_mean = x.mean(0)
    result = mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.1, variant="v2", x_mean=x_mean)
    (gradient,) = torch.autograd.grad(result.penalty, [model.second.weight])
    residual = (model(x).softmax(1) - nn.functional.one_hot(y, 3)).detach()

    def penalty() -> Tensor:
        leaf = x.detach().requires_grad_()
        (g,) = torch.autograd.grad((model(leaf) * residual).sum(), leaf)
        return (g * (x_mean - x)).sum(1).abs().mean()

    step = 1e-6
    for row, column in [(0, 0), (3, 5), (7, 2)]:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                model.second.weight[row, column] += sign * step
            values.append(penalty())
            with torch.no_grad():
                model.second.weight[row, column] -= sign * step
        torch.testing.assert_close(gradient[row, column], (values[0] - values[1]) / (2 * step), rtol=1e-6, atol=1e-9)


def test_the_loss_has_mixups_value_and_another_gradient() -> None:
    x, y = batch(5)
    model = Net(5).double()
    mixup = mixup_loss(model, x, y, lam=0.4, perm=PERM)
    mixupe = mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.5)
    torch.testing.assert_close(mixupe.loss, mixup.loss)
    weights = list(model.parameters())
    assert not torch.allclose(torch.autograd.grad(mixupe.loss, weights)[0], torch.autograd.grad(mixup.loss, weights)[0])


def test_lam_one_is_training_without_mixing() -> None:
    x, y = batch(5)
    model = Net(5).double()
    torch.testing.assert_close(mixup_loss(model, x, y, lam=1.0, perm=PERM).loss, ERM()(model, x, y).loss)


def test_eta_zero_is_mixup() -> None:
    x, y = batch(5)
    model = Net(5).double()
    mixupe = mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.0).loss
    torch.testing.assert_close(mixupe, mixup_loss(model, x, y, lam=0.4, perm=PERM).loss)


def test_a_leading_batch_axis_of_x_mean_is_accepted() -> None:
    x, y = batch(5)
    model = Net(5).double()
    flat, kept = (
        mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.1, variant="v1", x_mean=m)
        for m in (x.mean(0), x.mean(0, keepdim=True))
    )
    assert torch.equal(flat.loss, kept.loss)


@pytest.mark.parametrize(
    "method",
    [Mixup(1.0), MixupE(1.0, 0.1), ManifoldMixup(1.0, ["input", "head"])],
    ids=lambda method: type(method).__name__,
)
def test_the_generator_fixes_the_loss(method: Mixup) -> None:
    x, y = batch(5)
    model = Net(5).double()
    losses = [method(model, x, y, generator=seeded(number)).loss.item() for number in (7, 7, 8)]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("alpha", [0.01, 0.2, 1.0, 2.0])
def test_lam_follows_the_beta_distribution(alpha: float) -> None:
    generator = seeded(3)
    lam = torch.stack([draw_lam(alpha, generator) for _ in range(4000)])
    assert bool(((lam >= 0) & (lam <= 1)).all())
    variance = 1 / (4 * (2 * alpha + 1))  # of Beta(alpha, alpha), whose mean is one half
    assert lam.mean().item() == pytest.approx(0.5, abs=5 * (variance / 4000) ** 0.5)
    assert lam.var().item() == pytest.approx(variance, rel=0.1)


def test_lam_survives_a_tiny_alpha() -> None:
    generator = seeded(3)
    lam = torch.stack([draw_lam(1e-4, generator) for _ in range(500)])
    assert bool(lam.isfinite().all())


def test_mixing_at_a_module_is_mixing_what_flows_into_it() -> None:
    x, _ = batch(5)
    model = Net(5).double()
    lam = torch.tensor(0.4, dtype=torch.float64)
    logits = MixLayer(model, "head").mixed_logits(x, lam, PERM)
    h = model.activation(model.second(model.activation(model.first(x))))
    torch.testing.assert_close(logits, model.head(interpolate(h, lam, PERM)))
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules()), (
        "hooks are removed"
    )


def test_mixupe_at_the_head_reuses_the_encoder() -> None:
    """The clean pass runs the head alone, with the gradient of the penalty reaching the encoder."""
    x, y = batch(5)
    model = Net(5).double()
    calls: list[int] = []
    handle = model.first.register_forward_hook(lambda *_: calls.append(1))
    result = mixupe_loss(model, x, y, lam=0.4, perm=PERM, alpha=1.0, eta=0.5, mix_at="head")
    handle.remove()
    assert len(calls) == 1
    (gradient,) = torch.autograd.grad(result.penalty, [model.first.weight])
    assert bool((gradient != 0).any())


def test_mixupe_in_the_middle_runs_the_encoder_again_with_the_same_meaning() -> None:
    """For a network without BatchNorm and dropout, recomputing and reusing the representation are the same."""
    x, y = batch(5)
    model = Net(5, smooth=True).double()
    h = model.activation(model.first(x))

    class Rest(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            logits: Tensor = model.head(model.activation(model.second(h)))
            return logits

    x_mean = h.detach().mean(0)
    settings: dict[str, Any] = {"lam": 0.4, "perm": PERM, "alpha": 1.0, "eta": 0.5, "variant": "v1", "x_mean": x_mean}
    whole = mixupe_loss(model, x, y, mix_at="second", **settings)
    rest = mixupe_loss(Rest(), h, y, **settings)
    torch.testing.assert_close(whole.loss, rest.loss)
    torch.testing.assert_close(whole.penalty, rest.penalty)


def test_a_module_that_runs_twice_is_refused() -> None:
    x, y = batch(5)
    with pytest.raises(ValueError, match=r"^mix_at: module 'activation' runs more than once"):
        mixup_loss(Net(5).double(), x, y, lam=0.4, perm=PERM, mix_at="activation")


def test_a_wrong_mix_layer_lists_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"'nowhere', allowed are input, first, second, activation, head"):
        MixLayer(Net(5), "nowhere")


def test_manifold_mixup_draws_every_layer_about_equally() -> None:
    x, y = batch(5)
    model = Net(5).double()
    seen: dict[str, Tensor] = {}
    for name in ("first", "second"):
        layer = getattr(model, name)
        layer.register_forward_hook(lambda _module, args, _output, name=name: seen.update({name: args[0].detach()}))
    clean_second = model.activation(model.first(x)).detach()
    method = ManifoldMixup(1.0, ["input", "second", "head"])
    generator = seeded(0)
    entered = {"input": 0, "second": 0, "head": 0}
    for _ in range(300):
        method(model, x, y, generator=generator)
        if not torch.equal(seen["first"], x):
            entered["input"] += 1
        elif not torch.equal(seen["second"], clean_second):
            entered["second"] += 1
        else:
            entered["head"] += 1
    assert sum(entered.values()) == 300
    assert all(70 < count < 130 for count in entered.values()), entered


def test_the_running_mean_of_a_learned_representation_is_state() -> None:
    x, y = batch(5)
    model = Net(5).double()
    method = MixupE(1.0, 0.1, variant="v2", mix_at="head")
    assert method.state_dict() == {}
    method(model, x, y, generator=seeded(0))
    first = method.state_dict()["x_mean"].clone()
    h = model.activation(model.second(model.activation(model.first(x))))
    torch.testing.assert_close(first, h.mean(0).detach())
    method(model, 2 * x, y, generator=seeded(0))
    assert not torch.equal(method.state_dict()["x_mean"], first)
    copy = MixupE(1.0, 0.1, variant="v2", mix_at="head")
    copy.load_state_dict(method.state_dict())
    torch.testing.assert_close(
        copy(model, x, y, generator=seeded(5)).loss, method(model, x, y, generator=seeded(5)).loss
    )


@pytest.mark.parametrize("lengths", [(7, 9), (1, 9), (9, 1)])
@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
def test_examples_of_several_shapes_have_no_running_mean(variant: str, lengths: tuple[int, int]) -> None:
    model = nn.Sequential(nn.Embedding(20, 5), nn.Linear(5, 5), nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten())
    method = MixupE(1.0, 0.1, variant=variant, mix_at="1")
    first, second = (torch.zeros(6, length, dtype=torch.int64) for length in lengths)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    method(model, first, y)
    with pytest.raises(ValueError, match=rf"^mix_at: .*'1' have shape \({lengths[1]}, 5\), .* has \({lengths[0]}, 5\)"):
        method(model, second, y)


def test_another_mix_layer_has_a_running_mean_of_its_own() -> None:
    x, y = batch(5)
    model = Net(5).double()
    method = MixupE(1.0, 0.1, variant="exact", mix_at="second")
    method(model, x, y)
    method.set_params(eta=0.2)
    assert method.x_mean is not None
    assert method.set_params(mix_at="head").x_mean is None


def test_the_running_mean_stays_in_float32_under_autocast() -> None:
    x, y = batch(5, dtype=torch.float32)
    model = Net(5)
    method = MixupE(1.0, 0.1, variant="v1", mix_at="head")
    for enabled in (True, False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = method(model, x, y, generator=seeded(0)).loss
        assert loss.isfinite()
        assert method.state_dict()["x_mean"].dtype == torch.float32


def test_the_criterion_takes_indices_and_probabilities() -> None:
    logits = torch.randn(6, 3, generator=seeded(2))
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    torch.testing.assert_close(cross_entropy(logits, y), cross_entropy(logits, nn.functional.one_hot(y, 3).double()))


def test_importing_the_library_stays_light() -> None:
    import subprocess
    import sys

    heavy = ["hydra", "wandb", "timm", "pydantic", "sklearn", "pandas", "torch_geometric", "torchvision"]
    code = f"import sys, mixupe; print([m for m in {heavy} if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
