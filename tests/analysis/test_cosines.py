"""Cosines of gradients: the identities that are exact."""

import math

import pytest
import torch
from torch import nn

from mixupe.analysis.cosines import QUANTITIES, cosines, gradients
from tests.analysis.test_first_order import batch, net


def test_v4_is_cross_entropy_and_v3_with_entropy_too() -> None:
    x, y = batch()
    of = gradients(net(bias=True), x, y, x.mean(dim=0), threshold=math.inf)
    found = cosines(of)
    assert tuple(found) == QUANTITIES
    assert found["v4"]["cross-entropy"] == pytest.approx(1, abs=1e-12)
    assert torch.allclose(of["v3"], of["cross-entropy"] - of["entropy"], rtol=0, atol=1e-10)
    assert found["v1"]["exact"] == pytest.approx(found["exact"]["v1"])


def test_a_gradient_of_zero_has_no_direction() -> None:
    x, y = batch()
    found = cosines(gradients(net(bias=True), x, y, x.mean(dim=0), threshold=-math.inf))
    assert math.isnan(found["v3"]["approximate"])
    assert found["exact"]["approximate"] == pytest.approx(found["approximate"]["exact"])


def test_the_batch_is_left_as_it_was() -> None:
    x, y = batch()
    model: nn.Module = net(bias=True)
    gradients(model, x, y, x.mean(dim=0))
    assert not x.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
