"""Noisy Feature Mixup by hand: noise on what has been interpolated, at the layer that was drawn."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe import ManifoldMixup
from mixupe.augmentation import noisy_feature_mixup
from mixupe.augmentation.noisy_feature_mixup import NoisyFeatureMixup

B, K, LAM = 6, 3, 0.3
X = torch.randn(B, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y, PERM = torch.arange(B) % K, torch.arange(B).roll(1)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, K)).double()


@pytest.mark.parametrize("layer", ["input", "2"])
def test_it_is_the_paper(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    drawn = torch.tensor(LAM, dtype=torch.float64), PERM
    monkeypatch.setattr(noisy_feature_mixup, "draw_mix", lambda *_: drawn)
    h = X if layer == "input" else model[:2](X)
    generator = torch.Generator().manual_seed(9)
    torch.randint(1, (), generator=generator)  # of the layer
    xi = torch.randn(2, *h.shape, generator=generator).double()
    mixed = (1 + 0.4 * xi[0]) * (LAM * h + (1 - LAM) * h[PERM]) + 0.2 * xi[1]
    logits = model(mixed) if layer == "input" else model[2](mixed)
    expected = LAM * F.cross_entropy(logits, Y) + (1 - LAM) * F.cross_entropy(logits, Y[PERM])
    method = NoisyFeatureMixup(1.0, additive=0.2, multiplicative=0.4, mix_at=[layer])
    result = method(model, X, Y, generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(result.loss, expected, rtol=1e-12, atol=0)
    assert not model[2]._forward_pre_hooks, "nothing of it stays"


def test_without_noise_it_is_manifold_mixup() -> None:
    model, layers = network(), ["input", "1", "2"]
    for seed in range(5):
        first, second = (
            method(model, X, Y, generator=torch.Generator().manual_seed(seed)).loss
            for method in (ManifoldMixup(2.0, layers), NoisyFeatureMixup(2.0, 0.0, 0.0, layers))
        )
        torch.testing.assert_close(first, second, rtol=1e-12, atol=0)


def test_noise_has_its_size() -> None:
    seen: list[Tensor] = []

    def model(x: Tensor) -> Tensor:
        seen.append(x)
        return x[:, :K]

    x, y = torch.ones(1000, 50), torch.zeros(1000, dtype=torch.int64)
    for levels in ((0.5, 0.0), (0.0, 0.3), (0.3, 0.4)):
        NoisyFeatureMixup(1.0, *levels)(model, x, y, generator=torch.Generator().manual_seed(0))
    assert [batch.std().item() for batch in seen] == pytest.approx([0.5, 0.3, 0.5], rel=0.02)
    assert [batch.mean().item() for batch in seen] == pytest.approx([1, 1, 1], abs=0.01)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"alpha": 0}, "alpha: "),
        ({"additive": -1.0}, "additive: must be a finite number >= 0, got -1.0"),
        ({"multiplicative": float("inf")}, "multiplicative: must be a finite number >= 0, got inf"),
        ({"mix_at": []}, "mix_at: must be a list"),
        ({"mix_at": ["7"]}, "mix_at: there is no module '7', allowed are input, 0, 1, 2"),
    ],
)
def test_a_wrong_argument_is_named(changed: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        NoisyFeatureMixup(**changed)(network(), X, Y)  # type: ignore[arg-type]
