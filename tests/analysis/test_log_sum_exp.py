"""Cross-entropy along straight logits: cumulants and the radius of convergence."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.analysis.log_sum_exp import convergence_radius, taylor_coefficients
from mixupe.analysis.segment import derivatives


def drawn(classes: int = 5, pairs: int = 9, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(classes)
    logits, slope = (scale * torch.randn(pairs, classes, dtype=torch.float64) for _ in range(2))
    return logits, slope, torch.randint(classes, (pairs,))


def test_coefficients_are_the_cumulants_of_the_slopes() -> None:
    logits, u, y = drawn()
    p = logits.softmax(dim=1)
    mean = (p * u).sum(dim=1, keepdim=True)
    m2, m3, m4 = (((p * (u - mean) ** k).sum(dim=1)) for k in (2, 3, 4))
    first = mean.squeeze(1) - u.gather(1, y[:, None]).squeeze(1)
    found = taylor_coefficients(logits, u, y, 4)
    for k, cumulant in enumerate((first, m2, m3, m4 - 3 * m2**2), start=1):
        assert torch.allclose(found[k - 1] * math.factorial(k), cumulant, rtol=0, atol=1e-10)


def test_coefficients_are_the_nested_derivatives() -> None:
    logits, u, y = drawn()
    nested = derivatives(lambda a: F.cross_entropy(logits + a * u, y, reduction="none"), 6)
    found = taylor_coefficients(logits, u, y, 6)
    for k in range(1, 7):
        assert torch.allclose(found[k - 1] * math.factorial(k), nested[k], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("z", "u", "about"), [(2, -3, 1.241), (2, -4.5, 0.828), (5, -10, 0.591), (40, -50, 0.802)])
def test_the_radius_of_two_classes(z: float, u: float, about: float) -> None:
    logits, slope = (torch.tensor([[value, 0.0]], dtype=torch.float64) for value in (z, u))
    radius = float(convergence_radius(logits, slope))
    assert radius == pytest.approx(math.hypot(z, math.pi) / abs(u), rel=1e-10)
    assert radius == pytest.approx(about, abs=5e-4)


@pytest.mark.parametrize("scale", [0.3, 3.0, 12.0])
def test_the_radius_of_many_classes_is_that_of_the_nearest_zero(scale: float) -> None:
    """Zeros counted on circles: the argument of S turns once around 0 for each zero inside."""
    logits, slope, _ = drawn(classes=6, pairs=20, scale=scale)
    radius = convergence_radius(logits, slope)

    def zeros_within(r: Tensor) -> Tensor:
        circle = torch.polar(torch.ones(1), torch.linspace(0, 2 * math.pi, 20001)).to(torch.complex128)
        values = torch.einsum("pc,pcn->pn", logits.softmax(dim=1).to(torch.complex128),
                              torch.exp(r[:, None, None] * slope[:, :, None] * circle))  # fmt: skip
        return ((values[:, 1:] / values[:, :-1]).angle().sum(dim=1) / (2 * math.pi)).round()

    assert (zeros_within(0.995 * radius) == 0).all()
    assert (zeros_within(1.005 * radius) >= 1).all()


def test_a_straight_loss_converges_everywhere() -> None:
    logits, slope, _ = drawn()
    assert torch.isinf(convergence_radius(logits, torch.zeros_like(slope))).all()
