"""q beside q_hat: where they are the same, and what q_hat is."""

import pytest
import torch
from torch import Tensor, nn

from mixupe.analysis.first_order import first_order


def batch(n: int = 50) -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    return torch.randn(n, 6, dtype=torch.float64), torch.arange(n) % 4


def net(bias: bool) -> nn.Sequential:
    torch.manual_seed(4)
    layers = [nn.Linear(6, 40, bias=bias), nn.ReLU(), nn.Linear(40, 40, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(40, 4, bias=bias)).double()


def test_without_biases_and_centred_q_is_q_hat() -> None:
    x, y = batch()
    found = first_order(net(bias=False), x, y, torch.zeros(6, dtype=torch.float64))
    assert torch.allclose(found.q, found.q_hat, rtol=0, atol=1e-10)
    assert float(found.bend.max()) < 1e-10
    assert float(found.shift.max()) < 1e-10
    assert found.correlation == pytest.approx(1)
    assert found.same_sign == 1


def test_with_biases_or_away_from_the_mean_it_is_not() -> None:
    x, y = batch()
    with_bias = first_order(net(bias=True), x, y, torch.zeros(6, dtype=torch.float64))
    assert float(with_bias.bend.median()) > 0.05
    assert with_bias.correlation < 0.999
    uncentred = first_order(net(bias=False), x, y, torch.ones(6, dtype=torch.float64))
    assert float((uncentred.q - uncentred.q_hat).abs().max()) > 0.01
    assert float(uncentred.bend.max()) < 1e-10 < float(uncentred.shift.median())


def test_q_hat_is_entropy_minus_cross_entropy() -> None:
    x, y = batch()
    found = first_order(net(bias=True), x, y, x.mean(dim=0))
    assert torch.allclose(found.q_hat, found.entropy - found.cross_entropy, rtol=0, atol=1e-10)
