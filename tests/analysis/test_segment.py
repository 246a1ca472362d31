"""Nested forward-mode derivatives, and what is noticed where torch gives wrong ones."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe.analysis.segment import along, check_derivatives, derivatives, is_piecewise_linear


class Cube(torch.autograd.Function):
    """With a forward-mode rule, as a kernel of one's own would have."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x * x * x

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        result: Tensor = 3 * x**2 * tangent
        return result


def cube(x: Tensor) -> Tensor:
    result: Tensor = Cube.apply(x)  # type: ignore[no-untyped-call]
    return result


def lines() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 3, dtype=torch.float64)


def test_derivatives_of_a_polynomial_are_exact() -> None:
    x, v = lines()
    found = derivatives(along(lambda h: (h**3).sum(dim=1, keepdim=True), x, v), 4)
    expected = [x**3, 3 * x**2 * v, 6 * x * v**2, 6 * v**3, torch.zeros_like(x)]
    for loss, exact in zip(found, expected, strict=True):
        assert torch.allclose(loss, exact.sum(dim=1, keepdim=True), rtol=0, atol=1e-10)


def test_silent_zeros_are_refused() -> None:
    x, v = lines()
    check_derivatives(along(lambda h: h**3, x, v))
    with pytest.raises(ValueError, match=r"model: its forward-mode derivatives of order 2 are wrong"):
        check_derivatives(along(cube, x, v))


@pytest.mark.parametrize(("activation", "is_straight"), [(nn.ReLU(), True), (nn.Tanh(), False), (nn.GELU(), False)])
def test_networks_of_straight_pieces_are_known(activation: nn.Module, is_straight: bool) -> None:
    x, v = lines()
    net = nn.Sequential(nn.Linear(3, 50), nn.BatchNorm1d(50), activation, nn.Linear(50, 4)).double().eval()
    path = along(net, x, v)
    check_derivatives(path)
    assert is_piecewise_linear(path) is is_straight
