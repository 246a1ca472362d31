"""FEAT-MIX by hand: whole features change hands, labels count by the mutual information of what was kept."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation import feat_mix
from mixupe.augmentation.feat_mix import FeatMix, features_of, mutual_information
from mixupe.data.tensors import TensorSplit
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised

# Two numbers, then one-hot blocks of 3 and 2 columns: four features.
BLOCKS = ((2, 5), (5, 7))
B, K = 5, 3
X, Y = torch.arange(B * 7, dtype=torch.float64).view(B, 7), torch.arange(B) % K


def test_a_block_is_one_feature() -> None:
    assert features_of(7, BLOCKS).tolist() == [0, 1, 2, 2, 2, 3, 3]
    assert features_of(3, ()).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("lam", "kept"), [(0.0, 0), (0.3, 1), (0.5, 2), (0.9, 3), (1.0, 4)])
def test_rows_and_labels(lam: float, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    perm = torch.arange(B).roll(1)
    drawn = torch.tensor(lam, dtype=torch.float64), perm
    monkeypatch.setattr(feat_mix, "draw_mix", lambda *_: drawn)
    method = FeatMix()
    method.feature_of, method.importance = features_of(7, BLOCKS), torch.tensor([1.0, 2.0, 3.0, 4.0])
    seen: list[Tensor] = []

    def model(x: Tensor) -> Tensor:
        seen.append(x)
        return x[:, :K] / 10

    loss = method(model, X, Y, generator=torch.Generator().manual_seed(0)).loss
    own = seen[0] == X
    assert torch.equal(torch.where(own, X, X[perm]), seen[0])
    by_feature = torch.stack([own[:, 0], own[:, 1], own[:, 2], own[:, 5]], dim=1)
    assert by_feature.sum(dim=1).tolist() == [kept] * B
    assert torch.equal(own, by_feature[:, method.feature_of])
    share = (by_feature * method.importance).sum(dim=1, keepdim=True).double() / 10
    labels = F.one_hot(Y, K).double()
    expected = F.cross_entropy(seen[0][:, :K] / 10, share * labels + (1 - share) * labels[perm])
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    if 0 < kept < 4:
        assert len(torch.unique(by_feature, dim=0)) > 1, "each row has a mask of its own"


def test_it_learns_what_features_say_of_the_class() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (600,), generator=generator)
    noise = torch.randn(600, 1, generator=generator)
    telling = y.unsqueeze(1) + 0.1 * torch.randn(600, 1, generator=generator)
    block = F.one_hot(y, 3).float()
    idle = F.one_hot(torch.randint(2, (600,), generator=generator), 2).float()
    rows = torch.cat([noise, telling, block, idle], dim=1)
    method = FeatMix()
    method.learn(TensorSplit(rows, y), SimpleNamespace(categorical_blocks=BLOCKS))
    assert method.importance is not None
    found = method.importance.tolist()
    entropy = torch.special.entr(torch.bincount(y) / 600).sum().item()
    assert found[1:3] == pytest.approx([entropy, entropy], abs=0.05)
    assert max(found[0], found[3]) < 0.05
    assert mutual_information(torch.eye(2)[[0] * 600], y, torch.tensor([0, 0])).tolist() == [1.0]


def test_other_data_and_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^x: must be 5 rows of a table"):
        FeatMix()(lambda x: x, torch.zeros(5, 1, 3, 3), Y)
    with pytest.raises(ValueError, match=r"^alpha: "):
        FeatMix(0)
    with (
        hydra_initialised(),
        pytest.raises(UserError, match=r"^augmentation: feat_mix takes tabular, the data set holds images$"),
    ):
        compose_settings(["dataset=digits", "augmentation=feat_mix"])
