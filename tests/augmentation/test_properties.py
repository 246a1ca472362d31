"""What holds for every batch, network and setting (hypothesis)."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mixupe import MixedLoss, mixup_loss, mixupe_loss
from mixupe.augmentation.none import ERM
from mixupe.augmentation.penalty import VARIANTS

few = settings(max_examples=25, deadline=None, derandomize=True)


class Case:
    """A batch, a network without BatchNorm, draws."""

    def __init__(self, seed: int, batch: int, classes: int, soft: bool, lam: float) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(batch, 4, dtype=torch.float64, generator=generator)
        self.y = torch.randint(classes, (batch,), generator=generator)
        if soft:
            self.y = torch.rand(batch, classes, dtype=torch.float64, generator=generator).softmax(1)
        self.perm = torch.randperm(batch, generator=generator)
        self.other = torch.randperm(batch, generator=generator)
        self.lam = lam
        self.eta, self.alpha = 0.3, 0.7
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, classes)).double()

    def gradients(self, result: MixedLoss) -> list[Tensor]:
        return list(torch.autograd.grad(result.loss, list(self.model.parameters())))

    def mixupe(self, **changed: Any) -> MixedLoss:
        values: dict[str, Any] = {"x": self.x, "y": self.y, "lam": self.lam, "perm": self.perm}
        values |= {"alpha": self.alpha, "eta": self.eta, **changed}
        return mixupe_loss(self.model, values.pop("x"), values.pop("y"), x_mean=torch.zeros(4), **values)


cases = st.builds(
    Case,
    seed=st.integers(0, 1000),
    batch=st.integers(2, 9),
    classes=st.integers(2, 5),
    soft=st.booleans(),
    lam=st.floats(0, 1),
)


def assert_same(case: Case, a: MixedLoss, b: MixedLoss) -> None:
    torch.testing.assert_close(a.loss, b.loss, rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(case.gradients(a), case.gradients(b), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@few
@given(case=cases, point=st.sampled_from(["input", "1", "2"]))
def test_lam_one_is_the_plain_loss(case: Case, point: str) -> None:
    mixed = mixup_loss(case.model, case.x, case.y, lam=1.0, perm=case.perm, mix_at=point)
    assert_same(case, mixed, ERM()(case.model, case.x, case.y))


@few
@given(case=cases, point=st.sampled_from(["input", "1", "2"]))
def test_lam_zero_is_the_plain_loss_of_the_partners(case: Case, point: str) -> None:
    mixed = mixup_loss(case.model, case.x, case.y, lam=0.0, perm=case.perm, mix_at=point)
    assert_same(case, mixed, ERM()(case.model, case.x[case.perm], case.y[case.perm]))


@few
@given(case=cases, point=st.sampled_from(["input", "1", "2"]), variant=st.sampled_from(VARIANTS))
def test_eta_zero_is_mixups_loss(case: Case, point: str, variant: str) -> None:
    width = 4 if point == "input" else 6
    found = mixupe_loss(
        case.model,
        case.x,
        case.y,
        lam=case.lam,
        perm=case.perm,
        alpha=case.alpha,
        eta=0.0,
        variant=variant,
        mix_at=point,
        x_mean=torch.zeros(width),
    )
    assert_same(case, found, mixup_loss(case.model, case.x, case.y, lam=case.lam, perm=case.perm, mix_at=point))


@few
@given(case=cases, variant=st.sampled_from(VARIANTS), clean_pass=st.sampled_from(["separate", "joint"]))
def test_the_order_of_the_batch_changes_nothing_but_the_order(case: Case, variant: str, clean_pass: str) -> None:
    """Partners go with their examples: at place i of the new batch is example other[i], whose partner is perm[other[i]]."""
    places = case.other.argsort()
    options = {"variant": variant, "clean_pass": clean_pass}
    found = case.mixupe(**options)
    turned = case.mixupe(x=case.x[case.other], y=case.y[case.other], perm=places[case.perm[case.other]], **options)
    assert_same(case, turned, found)
    torch.testing.assert_close(turned.logits, found.logits[case.other])


@few
@given(case=cases)
def test_one_lam_for_all_is_that_lam_for_each(case: Case) -> None:
    each = torch.full((len(case.x),), case.lam, dtype=torch.float64)
    assert_same(case, case.mixupe(lam=each), case.mixupe())


@few
@given(case=cases)
def test_classes_are_probabilities_of_one_and_zero(case: Case) -> None:
    if case.y.dim() == 1:
        one_hot = nn.functional.one_hot(case.y, case.model[-1].out_features).double()  # type: ignore[arg-type]
        assert_same(case, case.mixupe(y=one_hot), case.mixupe())
    loss = case.mixupe()
    assert loss.loss.item() == pytest.approx(loss.mixup_loss.item(), rel=1e-10)
