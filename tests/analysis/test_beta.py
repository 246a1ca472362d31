"""The distribution of how far mixup moves, in closed form."""

import pytest
import torch
from scipy.special import hyp1f1

from mixupe.analysis.beta import moments, quadrature
from mixupe.augmentation.penalty import expected_distance

MOMENTS = {
    0.2: (0.142857, 0.071429, 0.046218, 0.033613),
    1.0: (0.333333, 0.166667, 0.1, 0.066667),
    2.0: (0.4, 0.2, 0.114286, 0.071429),
}


@pytest.mark.parametrize("alpha", MOMENTS)
def test_moments_are_those_of_the_table(alpha: float) -> None:
    assert moments(alpha, 4).tolist() == pytest.approx(MOMENTS[alpha], abs=5e-7)
    assert float(moments(alpha, 1)) == pytest.approx(expected_distance(alpha), abs=1e-15)


@pytest.mark.parametrize("alpha", [0.05, *MOMENTS])
def test_the_quadrature_has_the_moments(alpha: float) -> None:
    nodes, weights = quadrature(alpha, 16)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-14)
    for k, moment in enumerate(moments(alpha, 31), start=1):
        assert float((weights * nodes**k).sum()) == pytest.approx(float(moment), abs=1e-12)


@pytest.mark.parametrize("alpha", MOMENTS)
@pytest.mark.parametrize("s", [-3.0, 0.7, 2.5])
def test_an_exponential_loss_is_kummers_function(alpha: float, s: float) -> None:
    exact = hyp1f1(alpha, 2 * alpha + 1, s)
    factors = torch.full((40,), s, dtype=torch.float64) / torch.arange(1, 41)
    series = 1 + (moments(alpha, 40) * factors.cumprod(dim=0)).sum()
    nodes, weights = quadrature(alpha, 24)
    assert float(series) == pytest.approx(exact, rel=1e-10)
    assert float((weights * torch.exp(s * nodes)).sum()) == pytest.approx(exact, rel=1e-10)


def test_alpha_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"alpha: must be a finite number > 0, got 0"):
        moments(0, 3)


@pytest.mark.parametrize("alpha", [1e-9, 1e9, 1e300])
def test_the_quadrature_refuses_what_rounding_spoils(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"alpha: must lie in \[1e-08, 1e\+08\] for the quadrature, got"):
        quadrature(alpha, 32)
