"""RegMixup is the plain loss plus eta times mixup's, of two passes whose statistics both reach BatchNorm."""

import pytest
import torch
from torch import nn

from mixupe import Mixup
from mixupe.augmentation.loss import bce_softmax, cross_entropy
from mixupe.augmentation.regmixup import RegMixup

B, K = 8, 3


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, K)).double()


X, Y = torch.randn(B, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), torch.arange(B) % K


@pytest.mark.parametrize("mix_at", ["input", "2"])
@pytest.mark.parametrize("criterion", [cross_entropy, bce_softmax])
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_it_is_the_plain_loss_and_mixups_of_the_same_draws(eta: float, criterion: object, mix_at: str) -> None:
    model = network()
    draw = torch.Generator().manual_seed
    mixed = Mixup(2.0, mix_at=mix_at, criterion=criterion)(model, X, Y, generator=draw(3))  # type: ignore[arg-type]
    result = RegMixup(2.0, eta, mix_at, criterion)(model, X, Y, generator=draw(3))  # type: ignore[arg-type]
    plain = criterion(model(X), Y)  # type: ignore[operator]
    torch.testing.assert_close(result.loss, plain + eta * mixed.loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(result.mixup_loss, mixed.loss, rtol=1e-12, atol=0)
    assert result.penalty.item() == 0


def test_running_statistics_take_the_mixed_batch_and_then_the_clean_one() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4, momentum=0.25), nn.Linear(4, K)).double()
    seen: list[torch.Tensor] = []
    model[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    RegMixup(1.0)(model, X, Y, generator=torch.Generator().manual_seed(0))
    assert len(seen) == 2
    assert torch.equal(seen[1], X)
    expected = 0.75 * 0.25 * seen[0].mean(dim=0) + 0.25 * X.mean(dim=0)
    torch.testing.assert_close(model[0].running_mean, expected)


@pytest.mark.parametrize(
    ("arguments", "says"), [((0.0,), "alpha: "), ((1.0, -1.0), "eta: "), ((1.0, 1.0, 3), "mix_at")]
)
def test_a_wrong_argument_is_named(arguments: tuple[float, ...], says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        RegMixup(*arguments)  # type: ignore[arg-type]
