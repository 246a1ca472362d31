"""Theorem 1 on networks: what is exact, what mixup it is, and how the error falls.

The figures of smooth networks in docs/theory.md are printed by `python -m tests.analysis.test_series`.
"""

import math
from itertools import product

import pytest
import torch
from scipy.special import roots_jacobi
from torch import Tensor, nn

from mixupe import mixup_loss
from mixupe.analysis.beta import moments, quadrature
from mixupe.analysis.segment import along, derivatives
from mixupe.analysis.series import mixup_series
from mixupe.augmentation.loss import cross_entropy
from tests.analysis.test_segment import cube

ALPHA = 0.7


def network(activation: nn.Module, scale: float = 1.0) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), activation, nn.Linear(32, 3)).double().eval()
    for parameter in net.parameters():
        parameter.data *= scale
    return net


def examples(n: int = 6) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(n, 4, dtype=torch.float64), torch.arange(n) % 3


def all_pairs(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    n = len(x)
    return x.repeat_interleave(n, dim=0), x.repeat(n, 1), y.repeat_interleave(n)


def test_the_exact_loss_is_the_expectation_of_the_mixup_that_trains() -> None:
    """Over shifts of the batch, which pair all with all, and lam ~ Beta(alpha, alpha), by a rule of its own."""
    x, y = examples()
    net = network(nn.Tanh())
    t, weights = roots_jacobi(40, ALPHA - 1, ALPHA - 1)
    losses = [
        weight * mixup_loss(net, x, y, lam=(1 + at) / 2, perm=(torch.arange(len(y)) + shift) % len(y)).loss.item()
        for (at, weight), shift in product(zip(t, weights / weights.sum(), strict=True), range(len(y)))
    ]
    series = mixup_series(net, *all_pairs(x, y), ALPHA)
    assert series.mixed == pytest.approx(sum(losses) / len(y), rel=1e-10)
    assert series.clean == pytest.approx(cross_entropy(net(x), y).item(), rel=1e-12)
    assert series.mixed_error < 1e-10


def test_a_polynomial_loss_is_its_series() -> None:
    """f = (w . x)^3 and the loss f^2 / 2 - y f: a polynomial of degree 6 along every segment."""
    x, target = examples()
    x, partner, y = all_pairs(x, target)
    w = torch.tensor([0.3, -0.2, 0.5, 0.1], dtype=torch.float64)

    def loss(h: Tensor) -> Tensor:
        f = (h @ w) ** 3
        return f * f / 2 - y * f

    found = derivatives(along(loss, x, partner - x), 6)
    series = found[0].mean() + sum(
        m * d.mean() / math.factorial(k) for k, (m, d) in enumerate(zip(moments(ALPHA, 6), found[1:], strict=True), 1)
    )
    exact = sum(weight * loss(x + a * (partner - x)).mean() for a, weight in zip(*quadrature(ALPHA, 8), strict=True))
    assert float(series) == pytest.approx(float(exact), abs=1e-10)


def test_the_first_term_is_c_times_the_derivative_towards_the_mean() -> None:
    x, y = examples()
    net = network(nn.ReLU())
    series = mixup_series(net, *all_pairs(x, y), ALPHA)
    residual = net(x).softmax(dim=1) - torch.eye(3, dtype=torch.float64)[y]
    slope = derivatives(along(net, x, x.mean(dim=0) - x), 1)[1]
    q = (residual * slope).sum(dim=1).mean()
    assert series.terms[0].item() == pytest.approx(ALPHA / (2 * ALPHA + 1) * q.item(), rel=1e-10)


@pytest.mark.parametrize(("scale", "converges"), [(0.3, True), (4.0, False)])
def test_linear_logits_converge_within_the_radius_and_diverge_beyond(scale: float, converges: bool) -> None:
    x, y = examples()
    torch.manual_seed(2)
    net = nn.Linear(4, 3).double()
    net.weight.data *= scale
    series = mixup_series(net, *all_pairs(x, y), ALPHA)
    assert series.piecewise_linear
    assert series.straight == pytest.approx(series.mixed, abs=1e-10)
    assert bool((series.radius > 1).all()) is converges
    if converges:
        assert abs(float(series.remainders[-1])) < 1e-10
    else:
        assert abs(float(series.remainders[-1])) > 1e3 * abs(float(series.remainders[0]))


def test_straight_and_nested_orders_agree_and_shares_add_up() -> None:
    x, y = examples()
    pairs = all_pairs(x, y)
    net = network(nn.ReLU())
    by_recursion = mixup_series(net, *pairs, ALPHA)
    found = derivatives(
        along(lambda h: nn.functional.cross_entropy(net(h), pairs[2], reduction="none"), pairs[0], pairs[1] - pairs[0]),
        4,
    )
    nested = torch.stack([d.mean() / math.factorial(k) for k, d in enumerate(found[1:], 1)]) * moments(ALPHA, 4)
    assert torch.allclose(by_recursion.terms[:4], nested, rtol=0, atol=1e-10)
    assert len(by_recursion.terms) == 30
    whole = by_recursion.mixed - by_recursion.clean
    assert torch.allclose(by_recursion.remainders[:-1] - by_recursion.remainders[1:], by_recursion.terms, atol=1e-9)
    assert torch.allclose(by_recursion.shares * whole, by_recursion.terms)


def decay(activation: nn.Module) -> list[float]:
    """How the error of order K = 0 to 4 falls as the segments shrink: the exponent of eps between 0.04 and 0.02."""
    x, y = examples(12)
    x, partner, y = all_pairs(x, y)
    net = network(activation)
    errors = []
    for eps in (0.04, 0.02):
        series = mixup_series(net, x, x + eps * (partner - x), y, ALPHA, nodes=64, order=4)
        errors.append(series.remainders.abs())
    return (errors[0] / errors[1]).log2().tolist()


def test_the_error_of_order_k_falls_with_one_power_more_for_a_smooth_network_only() -> None:
    assert decay(nn.Tanh()) == pytest.approx([1, 2, 3, 4, 5], abs=0.15)
    assert decay(nn.ReLU())[3] < 3, "the series does not know of the kinks"


def test_a_smooth_network_has_four_orders_and_an_estimated_radius() -> None:
    series = mixup_series(network(nn.Tanh()), *all_pairs(*examples()), ALPHA)
    assert not series.piecewise_linear
    assert series.straight is None
    assert len(series.terms) == 4
    assert bool((series.radius > 0).all())


def test_bad_input_is_named() -> None:
    x, y = examples()
    with pytest.raises(ValueError, match=r"x: must be float64, for high orders need it, got torch.float32"):
        mixup_series(network(nn.ReLU()), x.float(), x.float(), y, ALPHA)
    with pytest.raises(ValueError, match=r"alpha: must be a finite number > 0, got -1"):
        mixup_series(network(nn.ReLU()), x, x.flip(0), y, -1)
    with pytest.raises(ValueError, match=r"model: its forward-mode derivatives of order 2 are wrong"):
        mixup_series(lambda h: cube(h)[:, :3], x, x.flip(0), y, ALPHA)


if __name__ == "__main__":
    print("| activation | K = 0 | 1 | 2 | 3 | 4 |")  # noqa: T201
    for activation in (nn.Tanh(), nn.ReLU()):
        print(f"| {type(activation).__name__} | " + " | ".join(f"{rate:.2f}" for rate in decay(activation)) + " |")  # noqa: T201
