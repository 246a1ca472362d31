"""Any criterion, any targets, lam for a batch or an example, the probability of mixing, and what a loss says of itself."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe import CrossEntropy, ERMPenalty, ManifoldMixup, Mixup, MixupE, mixup_loss, mixupe_loss
from mixupe.augmentation.cutmix import CutMix
from mixupe.augmentation.none import ERM

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 2, 0, 1, 2])
PERM = torch.tensor([3, 4, 0, 1, 5, 2])
PER_SAMPLE = torch.tensor([0.1, 0.9, 1.0, 0.0, 0.5, 0.3])
WEIGHT = torch.tensor([0.5, 1.0, 3.0])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(outputs: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, outputs))


def focal(logits: Tensor, y: Tensor) -> Tensor:
    """Written for class indices: a loss for each example."""
    ce = F.cross_entropy(logits, y, reduction="none")
    return (1 - (-ce).exp()) ** 2 * ce


CRITERIA: dict[str, Any] = {
    "weights": nn.CrossEntropyLoss(WEIGHT),
    "smoothing": nn.CrossEntropyLoss(label_smoothing=0.1),
    "own weights": CrossEntropy(WEIGHT, 0.1),
    "focal": focal,
    "plain function": F.cross_entropy,
}


@pytest.mark.parametrize("lam", [0.4, 1.0])
@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_is_mixed_by_lam(name: str, lam: float) -> None:
    criterion, model = CRITERIA[name], network()
    found = mixup_loss(model, X, Y, lam=lam, perm=PERM, criterion=criterion).loss
    logits = model(torch.lerp(X[PERM], X, lam))
    expected = lam * criterion(logits, Y).mean() + (1 - lam) * criterion(logits, Y[PERM]).mean()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", CRITERIA)
def test_the_penalty_does_not_depend_on_it(name: str) -> None:
    settings: dict[str, Any] = {"lam": 0.4, "perm": PERM, "alpha": 1.0, "eta": 0.5}
    found = mixupe_loss(network(), X, Y, criterion=CRITERIA[name], **settings)
    assert torch.equal(found.penalty, mixupe_loss(network(), X, Y, **settings).penalty)
    torch.testing.assert_close(found.loss, found.mixup_loss)
    assert found.mixup_loss.dim() == 0
    assert ERMPenalty(criterion=CRITERIA[name])(network(), X, Y).loss.isfinite()


def test_weights_count_the_same_whatever_the_rest_of_the_batch() -> None:
    logits = torch.randn(6, 3, generator=seeded())
    each = CrossEntropy(WEIGHT)(logits, Y)
    torch.testing.assert_close(each, WEIGHT[Y] * F.cross_entropy(logits, Y, reduction="none"))
    torch.testing.assert_close(CrossEntropy(WEIGHT, 0.1)(logits, F.one_hot(Y, 3)), CrossEntropy(WEIGHT, 0.1)(logits, Y))
    torch.testing.assert_close(CrossEntropy()(logits, Y).mean(), F.cross_entropy(logits, Y))
    with pytest.raises(ValueError, match=r"^label_smoothing: must lie in \[0, 1\), got 1"):
        CrossEntropy(label_smoothing=1.0)
    with pytest.raises(ValueError, match=r"^label_smoothing: must lie in \[0, 1\), got '0.1'"):
        CrossEntropy(label_smoothing="0.1")  # type: ignore[arg-type]
    for wrong in ([1.0, 2.0], torch.ones(1, 3)):
        with pytest.raises(
            ValueError, match=r"^weight: must be a torch.Tensor \(K,\), one weight for each class, or None"
        ):
            CrossEntropy(wrong)  # type: ignore[arg-type]


def test_a_class_is_no_criterion() -> None:
    with pytest.raises(ValueError, match=r"^criterion: must be a function .*; CrossEntropyLoss\(\) makes one$"):
        Mixup(criterion=nn.CrossEntropyLoss)  # type: ignore[arg-type]


TARGETS: dict[str, tuple[Any, Tensor, int]] = {
    "multi-hot": (nn.BCEWithLogitsLoss(), torch.tensor([[1.0, 1, 0], [0, 0, 0], [1, 0, 1]] * 2), 3),
    "binary": (nn.BCEWithLogitsLoss(reduction="none"), torch.tensor([[1.0], [0], [1]] * 2), 1),
    "regression": (nn.L1Loss(reduction="none"), torch.randn(6, 2, generator=seeded()), 2),
    "soft": (nn.CrossEntropyLoss(), torch.rand(6, 3, generator=seeded()).softmax(1), 3),
}


@pytest.mark.parametrize("name", TARGETS)
def test_other_targets_for_mixup_manifold_mixup_and_the_controls(name: str) -> None:
    criterion, y, outputs = TARGETS[name]
    model = network(outputs)
    found = mixup_loss(model, X, y, lam=0.4, perm=PERM, criterion=criterion)
    logits = model(torch.lerp(X[PERM], X, 0.4))
    torch.testing.assert_close(found.loss, 0.4 * criterion(logits, y).mean() + 0.6 * criterion(logits, y[PERM]).mean())
    torch.testing.assert_close(ERM(criterion)(model, X, y).loss, criterion(model(X), y).mean())
    for method in (Mixup(criterion=criterion), ManifoldMixup(mix_at=["input", "2"], criterion=criterion)):
        assert method(model, X, y).loss.isfinite()
    images = X[:, :, None, None].expand(6, 5, 4, 4)
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), model)
    assert CutMix(criterion=criterion)(pooled, images, y).loss.isfinite()


def test_values_may_be_one_number_an_example() -> None:
    model = nn.Sequential(network(1), nn.Flatten(0))
    y = torch.randn(6, generator=seeded())
    found = mixup_loss(model, X, y, lam=0.4, perm=PERM, criterion=nn.MSELoss())
    predicted = model(torch.lerp(X[PERM], X, 0.4))
    torch.testing.assert_close(found.loss, 0.4 * F.mse_loss(predicted, y) + 0.6 * F.mse_loss(predicted, y[PERM]))
    with pytest.raises(ValueError, match=r"^accuracy: needs class indices or probabilities"):
        found.accuracy()


def test_mixupe_needs_classes_whatever_the_criterion() -> None:
    y = TARGETS["multi-hot"][1]
    for method in (MixupE(criterion=nn.BCEWithLogitsLoss()), ERMPenalty(criterion=nn.BCEWithLogitsLoss())):
        with pytest.raises(ValueError, match=r"^y: rows must be probabilities"):
            method(network(), X, y)


@pytest.mark.parametrize("name", ["focal", "own weights", "ours", "bce_softmax", "multi-hot", "regression"])
def test_lam_of_each_example(name: str) -> None:
    """As each example alone, with its own lam."""
    from mixupe.augmentation.loss import bce_softmax, cross_entropy

    special = {"ours": (cross_entropy, Y, 3), "bce_softmax": (bce_softmax, Y, 3)}
    criterion, y, outputs = special.get(name) or TARGETS.get(name) or (CRITERIA[name], Y, 3)
    if name == "multi-hot":
        criterion = nn.BCEWithLogitsLoss(reduction="none")
    model = network(outputs)
    found = mixup_loss(model, X, y, lam=PER_SAMPLE, perm=PERM, criterion=criterion)
    each = []
    for lam, own, partner in zip(PER_SAMPLE, range(6), PERM, strict=True):
        logits = model(lam * X[own] + (1 - lam) * X[partner]).unsqueeze(0)
        losses = [criterion(logits, y[which : which + 1]).mean() for which in (own, int(partner))]
        each.append(lam * losses[0] + (1 - lam) * losses[1])
    torch.testing.assert_close(found.loss, torch.stack(each).mean())


def test_one_number_cannot_be_mixed_by_example() -> None:
    with pytest.raises(ValueError, match=r"^criterion: must return a loss for each example .*reduction='none'"):
        mixup_loss(network(), X, Y, lam=PER_SAMPLE, perm=PERM, criterion=nn.CrossEntropyLoss(WEIGHT))
    with pytest.raises(ValueError, match=r"^criterion: must return one loss, 0-d, or one for each of the 6 examples"):
        mixup_loss(network(), X, Y, lam=0.4, perm=PERM, criterion=lambda logits, y: logits[:2])
    with pytest.raises(ValueError, match=r"^lam: must lie in \[0, 1\], got 1.5"):
        mixup_loss(network(), X, Y, lam=1.5 * torch.ones(6), perm=PERM)


@pytest.mark.parametrize("make", [Mixup, ManifoldMixup, MixupE])
def test_lam_is_drawn_for_each_example_or_the_batch(make: Any) -> None:
    assert make()(network(), X, Y, generator=seeded()).lam.shape == ()
    lam = make(per_sample=True)(network(), X, Y, generator=seeded()).lam
    assert lam.shape == (6,)
    assert len(lam.unique()) == 6
    with pytest.raises(ValueError, match=r"^per_sample: must be True or False"):
        make(per_sample="sample")


@pytest.mark.parametrize("make", [Mixup, ManifoldMixup, MixupE])
def test_a_share_of_the_batches_is_mixed(make: Any) -> None:
    method, generator = make(probability=0.3), seeded()
    results = [method(network(), X, Y, generator=generator) for _ in range(300)]
    plain = [result for result in results if bool(result.lam == 1)]
    assert 180 < len(plain) < 240  # of a binomial distribution with mean 210 and standard deviation 8
    torch.testing.assert_close(plain[0].mixup_loss, ERM()(network(), X, Y).loss)
    for share, wrong in ((1.0, False), (0.0, True)):
        lam = make(probability=share)(network(), X, Y, generator=seeded()).lam
        assert bool(lam == 1) is wrong
    with pytest.raises(ValueError, match=r"^probability: must lie in \[0, 1\], got 1.5"):
        make(probability=1.5)


def test_a_loss_says_lam_partners_and_accuracy() -> None:
    model = network()
    for lam in (torch.tensor(0.4), PER_SAMPLE):
        found = mixup_loss(model, X, Y, lam=lam, perm=PERM)
        assert found.lam is not None
        assert found.perm is not None
        assert torch.equal(found.perm, PERM)
        torch.testing.assert_close(found.lam, lam)
        predicted = found.logits.argmax(1)
        expected = lam * (predicted == Y).float() + (1 - lam) * (predicted == Y[PERM]).float()
        torch.testing.assert_close(found.accuracy(), expected.mean())
        soft = mixup_loss(model, X, F.one_hot(Y, 3).float(), lam=lam, perm=PERM)
        torch.testing.assert_close(soft.accuracy(), found.accuracy())
    clean = ERM()(model, X, Y)
    assert clean.lam is None
    torch.testing.assert_close(clean.accuracy(), (model(X).argmax(1) == Y).float().mean())
    for method in (Mixup(), ManifoldMixup(), MixupE(), ERMPenalty(), Mixup(criterion=focal)):
        assert 0 <= method(model, X, Y).accuracy() <= 1
