"""Mixup with label smoothing is mixup of smoothed targets, and timm's with the same lam and partners."""

from typing import Any

import numpy as np
import pytest
import timm.data.mixup
import timm.loss.cross_entropy
import torch
import torch.nn.functional as F
from torch import nn

from mixupe import Mixup
from mixupe.augmentation import mixup_smoothing
from mixupe.augmentation.loss import bce_softmax
from mixupe.augmentation.mixup_smoothing import MixupSmoothing, smoothed

# Untyped.
TIMM_MIXUP: Any = timm.data.mixup.Mixup
SOFT_CROSS_ENTROPY: Any = timm.loss.cross_entropy.SoftTargetCrossEntropy

B, K = 6, 4
X = torch.randn(B, 2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.arange(B) % K


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(50, K)).double()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_it_is_timms(lam: float, smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    monkeypatch.setattr(np.random, "beta", lambda *_: lam)
    mixed, target = TIMM_MIXUP(mixup_alpha=1.0, label_smoothing=smoothing, num_classes=K)(X.clone(), Y)
    expected = SOFT_CROSS_ENTROPY()(model(mixed), target.double())
    drawn = torch.tensor(lam, dtype=torch.float64), torch.arange(B).flip(0)  # timm's partners
    monkeypatch.setattr(mixup_smoothing, "draw_mix", lambda *_: drawn)
    # timm's targets are in float32
    torch.testing.assert_close(MixupSmoothing(smoothing=smoothing)(model, X, Y).loss, expected, rtol=1e-6, atol=0)


def test_without_smoothing_it_is_mixup() -> None:
    model = network()
    first, second = (
        method(model, X, Y, generator=torch.Generator().manual_seed(5)).loss
        for method in (Mixup(0.7), MixupSmoothing(0.7, 0.0))
    )
    torch.testing.assert_close(first, second, rtol=1e-12, atol=0)


def test_smoothing_is_torchs_and_holds_for_any_criterion() -> None:
    logits = torch.randn(B, K, dtype=torch.float64)
    torch.testing.assert_close(
        smoothed(F.cross_entropy, 0.2)(logits, Y), F.cross_entropy(logits, Y, label_smoothing=0.2)
    )
    soft = 0.8 * F.one_hot(Y, K).double() + 0.2 / K
    torch.testing.assert_close(smoothed(bce_softmax, 0.2)(logits, Y), bce_softmax(logits, soft))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_a_wrong_share_is_named(smoothing: float) -> None:
    with pytest.raises(ValueError, match=r"^smoothing: must lie in \[0, 1\), got"):
        MixupSmoothing(1.0, smoothing)
