"""k-mixup: within groups no other matching is shorter, and no example is its own match."""

from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation import k_mixup
from mixupe.augmentation.k_mixup import KMixup, matched
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised


def cost(x: Tensor, own: Tensor, others: Tensor) -> float:
    return float((x[own] - x[others]).square().sum())


@pytest.mark.parametrize(("batch", "k"), [(8, 4), (9, 4), (11, 3), (7, 2), (6, 1), (5, 16)])
def test_no_other_matching_is_shorter(batch: int, k: int) -> None:
    generator = torch.Generator().manual_seed(batch)
    x, order = torch.randn(batch, 2, 3, generator=generator), torch.randperm(batch, generator=generator)
    perm = matched(x, order, k)
    assert perm.sort().values.tolist() == list(range(batch))
    assert not (perm == torch.arange(batch)).any()
    size = min(k, batch // 2)
    for own, others in zip(torch.split(order, size), torch.split(order.roll(-size), size), strict=True):
        assert sorted(perm[own].tolist()) == sorted(others.tolist())
        best = min(cost(x, own, torch.tensor(other)) for other in permutations(others.tolist()))
        assert cost(x, own, perm[own]) == pytest.approx(best, rel=1e-6)


def test_a_batch_of_one_is_its_own_partner() -> None:
    assert matched(torch.ones(1, 3), torch.zeros(1, dtype=torch.int64), 8).tolist() == [0]


def test_clusters_are_mixed_with_themselves() -> None:
    """What it is for: two far clusters in equal numbers in each group stay apart."""
    x = torch.tensor([0.0, 100.0]).repeat(8).unsqueeze(1) + torch.rand(16, 1)
    perm = matched(x, torch.arange(16), 8)
    assert torch.equal(x[perm] > 50, x > 50)


def test_the_loss_is_mixups_with_these_partners(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, order = torch.randn(8, 3, dtype=torch.float64), torch.arange(8) % 3, torch.randperm(8)
    drawn = torch.tensor(0.3, dtype=torch.float64), order
    monkeypatch.setattr(k_mixup, "draw_mix", lambda *_: drawn)
    perm = matched(x, order, 4)
    mixed = 0.3 * x + 0.7 * x[perm]
    expected = 0.3 * F.cross_entropy(mixed, y) + 0.7 * F.cross_entropy(mixed, y[perm])
    torch.testing.assert_close(KMixup(1.0, 4)(lambda h: h, x, y).loss, expected, rtol=1e-12, atol=0)


def test_what_is_wrong_is_named() -> None:
    for k in (0, 1.5, True):
        with pytest.raises(ValueError, match=r"^k: must be an integer >= 1, got"):
            KMixup(1.0, k)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^x: must be 2 examples"):
        KMixup()(lambda x: x, ["a graph"], torch.zeros(2, dtype=torch.int64))
    with (
        hydra_initialised(),
        pytest.raises(UserError, match=r"^augmentation: k_mixup takes images or tabular or speech, .* holds graphs$"),
    ):
        compose_settings(["dataset=mutag", "augmentation=k_mixup"])
