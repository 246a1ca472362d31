"""Mixup, CutMix and soft targets are torchvision's and timm's with the same lam, box and partners."""

from typing import Any

import numpy as np
import pytest
import timm.data.mixup
import timm.loss.cross_entropy
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import v2

from mixupe import mixup_loss
from mixupe.augmentation import cutmix
from mixupe.augmentation.cutmix import CutMix
from mixupe.augmentation.loss import cross_entropy

# Untyped.
TIMM_MIXUP: Any = timm.data.mixup.Mixup
SOFT_CROSS_ENTROPY: Any = timm.loss.cross_entropy.SoftTargetCrossEntropy

B, K, SIZE = 6, 4, 12
X = torch.randn(B, 2, SIZE, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.arange(B) % K
SOFT = torch.rand(B, K, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).softmax(dim=1)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(300, K)).double()


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("targets", [Y, SOFT], ids=["indices", "probabilities"])
def test_mixup_is_torchvisions(targets: Tensor, lam: float, monkeypatch: pytest.MonkeyPatch) -> None:
    transform, model = v2.MixUp(num_classes=K), network()
    monkeypatch.setattr(transform._dist, "sample", lambda _: torch.tensor([lam], dtype=torch.float64))
    given = F.one_hot(Y, K).double() if targets is Y else targets
    mixed, labels = transform(X, given)
    expected = F.cross_entropy(model(mixed), labels)
    perm = torch.arange(B).roll(1)  # its partners
    loss = mixup_loss(model, X, targets, lam=torch.tensor(lam, dtype=torch.float64), perm=perm).loss
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_mixup_is_timms(lam: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    monkeypatch.setattr(np.random, "beta", lambda *_: lam)
    mixed, target = TIMM_MIXUP(mixup_alpha=1.0, label_smoothing=0.0, num_classes=K)(X.clone(), Y)
    expected = SOFT_CROSS_ENTROPY()(model(mixed), target.double())
    loss = mixup_loss(model, X, Y, lam=torch.tensor(lam, dtype=torch.float64), perm=torch.arange(B).flip(0)).loss
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)  # its targets are in float32


@pytest.mark.parametrize("side", [2, 4, 8, 10])  # an odd one makes timm's box a pixel larger
@pytest.mark.parametrize("centre", [(0, 0), (5, 7), (11, 3)])
def test_cutmix_is_timms(centre: tuple[int, int], side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, lam = network(), 1 - (side / SIZE) ** 2 - 1e-9
    drawn = iter(centre)
    with monkeypatch.context() as patch:
        patch.setattr(np.random, "beta", lambda *_: lam)
        patch.setattr(np.random, "randint", lambda *_, **__: next(drawn))
        transform = TIMM_MIXUP(mixup_alpha=0.0, cutmix_alpha=1.0, label_smoothing=0.0, num_classes=K)
        cut, target = transform(X.clone(), Y)
    expected = SOFT_CROSS_ENTROPY()(model(cut), target.double())
    place = torch.tensor([(centre[0] + 0.5) / SIZE, (centre[1] + 0.5) / SIZE, 0.0], dtype=torch.float64)
    monkeypatch.setattr(cutmix, "draw_lam", lambda *_: torch.tensor(lam, dtype=torch.float64))
    monkeypatch.setattr(cutmix, "draw_perm", lambda *_: torch.arange(B).flip(0))
    monkeypatch.setattr(torch, "rand", lambda *_, **__: place)
    seen: list[Tensor] = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    loss = CutMix()(model, X, Y).loss
    assert torch.equal(seen[0], cut)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)


def test_soft_targets_are_timms() -> None:
    logits = torch.randn(B, K, dtype=torch.float64)
    torch.testing.assert_close(cross_entropy(logits, SOFT), SOFT_CROSS_ENTROPY()(logits, SOFT), rtol=1e-12, atol=0)
