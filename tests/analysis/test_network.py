"""The frozen network: float64, evaluation mode, from the mix layer on."""

import pytest
import torch
from torch import nn

from mixupe.analysis.measure import Pairs, measured
from mixupe.analysis.network import Frozen
from mixupe.analysis.segment import along, check_derivatives


class Headed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.body(x))
        return logits


X, Y = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)), torch.arange(200) % 3


def test_it_is_the_model_in_evaluation_mode_and_leaves_it_alone() -> None:
    model = Headed().train()
    at_input, at_head = Frozen(model), Frozen(model, "head")
    h = at_head.representations([(X[:150], Y[:150]), (X[150:], Y[150:])])
    assert h.shape == (200, 8)
    assert h.dtype == torch.float64
    expected = model.eval()(X)
    assert torch.allclose(at_head(h).float(), expected, atol=1e-5)
    assert torch.allclose(at_input(at_input.representations([(X, Y)])).float(), expected, atol=1e-5)
    assert next(model.parameters()).dtype == torch.float32


def test_a_module_in_the_middle_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mix_at: the logits are not the output of 'body'"):
        Frozen(Headed(), "body").representations([(X, Y)])


def test_everything_measured_is_a_json_value() -> None:
    network = Frozen(Headed())
    x = network.representations([(X, Y)])
    found = measured(network, Pairs(x, x[:1].expand_as(x), Y, x.mean(dim=0)), 1.0)
    assert found["series"]["piecewise_linear"]
    assert len(found["series"]["terms"]) == 30
    assert found["first_order"]["q_hat_mean"] == pytest.approx(
        found["first_order"]["entropy"] - found["first_order"]["cross_entropy"]
    )
    assert -1 <= found["first_order"]["alpha_least"] < 0 < found["first_order"]["alpha_negative"] < 1
    assert found["cosines"]["v4"]["cross-entropy"] == pytest.approx(1)


def test_what_is_not_finite_is_none() -> None:
    """Without a step between example and partner, nothing grows and every radius is infinite."""
    network = Frozen(Headed())
    x = network.representations([(X, Y)])
    found = measured(network, Pairs(x, x, Y, x.mean(dim=0)), 1.0)
    assert found["series"]["radius_median"] is None


class Attention(nn.Module):
    """One block of a transformer over the five features as five tokens."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.norm, self.out = nn.Linear(1, 8), nn.LayerNorm(8), nn.LayerNorm(8, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embed(x[..., None])
        n = self.norm(h)[:, None]
        h = h + nn.functional.scaled_dot_product_attention(n, n, n).squeeze(1)
        logits: torch.Tensor = self.head(self.out(h + self.mlp(h)).mean(dim=1))
        return logits


def test_transformers_are_differentiated_rightly() -> None:
    """torch's fused attention has no forward mode, and its layer_norm a wrong one."""
    model = Attention().eval()
    network = Frozen(model)
    x = network.representations([(X[:40], Y[:40])])
    assert torch.allclose(network(x).float(), model(X[:40]), atol=1e-5)
    series = measured(network, Pairs(x, x + 0.02 * (x.flip(0) - x), Y[:40], x.mean(dim=0)), 1.0)["series"]
    assert not series["piecewise_linear"]
    errors = [abs(remainder) for remainder in series["remainders"]]
    assert errors[4] < 1e-3 * errors[0]
    with pytest.raises(ValueError, match="model: its forward-mode derivatives of order 2 are wrong, off by"):
        check_derivatives(along(nn.LayerNorm(5).double(), x, x.flip(0) - x))
