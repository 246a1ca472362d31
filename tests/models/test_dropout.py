"""Dropout whose masks are drawn on the CPU."""

import pytest
import torch
from torch import nn

from mixupe.models.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_torchs_own_bit_for_bit(p: float, dtype: torch.dtype) -> None:
    results = []
    for layer in (nn.Dropout(p), Dropout(p)):
        x = torch.linspace(-2, 2, 33 * 7, dtype=dtype).reshape(33, 7).requires_grad_()
        torch.manual_seed(3)
        y = layer(x)
        y.float().square().sum().backward()
        assert x.grad is not None
        results.append((y.detach(), x.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_nothing_is_dropped_or_drawn_in_evaluation_or_with_p_0() -> None:
    x = torch.randn(4, 5)
    before = torch.get_rng_state()
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(torch.get_rng_state(), before)
