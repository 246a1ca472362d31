"""Inputs are mixup's with the same draws, the target is the label of the greater share."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe import Mixup
from mixupe.augmentation import input_mixup
from mixupe.augmentation.input_mixup import InputMixup

B, K = 7, 3
X = torch.randn(B, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.arange(B) % K


@pytest.mark.parametrize(("lam", "own"), [(0.2, False), (0.49, False), (0.5, True), (0.9, True)])
def test_the_label_of_the_greater_share_counts(lam: float, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, perm = nn.Linear(4, K).double(), torch.arange(B).roll(2)
    drawn = torch.tensor(lam, dtype=torch.float64), perm
    monkeypatch.setattr(input_mixup, "draw_mix", lambda *_: drawn)
    expected = F.cross_entropy(model(lam * X + (1 - lam) * X[perm]), Y if own else Y[perm])
    torch.testing.assert_close(InputMixup()(model, X, Y).loss, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("mix_at", ["input", "1"])
def test_inputs_are_mixups(mix_at: str) -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, K)).double()
    seen: list[Tensor] = []
    model[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for method in (Mixup(0.5, mix_at=mix_at), InputMixup(0.5, mix_at)):
        method(model, X, Y, generator=torch.Generator().manual_seed(4))
    assert torch.equal(*seen)


def test_a_wrong_alpha_is_named() -> None:
    with pytest.raises(ValueError, match=r"^alpha: must be a finite number > 0, got -1"):
        InputMixup(-1)
