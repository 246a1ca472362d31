"""trainer.class_weights, label_smoothing and clip_grad_norm."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mixupe import CrossEntropy
from mixupe.augmentation.loss import bce_softmax, cross_entropy
from mixupe.augmentation.none import ERM
from mixupe.errors import UserError
from mixupe.training.criterion import build_criterion
from mixupe.training.settings import TrainerSettings
from tests.training.conftest import bundle, trainer
from tests.training.test_settings import values


def test_without_them_the_criterion_is_what_it_was() -> None:
    assert build_criterion(TrainerSettings(**values()), bundle()) is cross_entropy
    assert build_criterion(TrainerSettings(**values(criterion="bce_softmax")), bundle()) is bce_softmax


def test_weights_and_smoothing_are_those_of_cross_entropy() -> None:
    data = bundle()
    logits, y = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3
    given = build_criterion(TrainerSettings(**values(class_weights=[1, 2, 0.5], label_smoothing=0.1)), data)
    weight = torch.tensor([1, 2, 0.5])
    torch.testing.assert_close(
        given(logits, y), F.cross_entropy(logits, y, weight, reduction="none", label_smoothing=0.1)
    )
    balanced = build_criterion(TrainerSettings(**values(class_weights="balanced")), data)
    assert isinstance(balanced, CrossEntropy)
    assert balanced.weight is not None
    counts = torch.bincount(data.train.labels)
    torch.testing.assert_close(balanced.weight, 61 / (3 * counts))
    assert balanced.weight[data.train.labels].mean().item() == pytest.approx(1)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"^trainer.class_weights: must have one weight for each of the 3 classes, got 2"
    ):
        build_criterion(TrainerSettings(**values(class_weights=[1, 2])), bundle())
    wrong = {"class_weights": "uniform", "label_smoothing": 1.0, "clip_grad_norm": 0.0}
    for key, value in wrong.items():
        with pytest.raises(ValueError, match=key):
            TrainerSettings(**values(**{key: value}))
    for key, value in {"class_weights": "balanced", "label_smoothing": 0.1}.items():
        with pytest.raises(ValueError, match=r"is for criterion cross_entropy"):
            TrainerSettings(**values(criterion="bce_softmax", **{key: value}))


def test_a_step_is_no_longer_than_the_clipped_gradient(tmp_path: Path) -> None:
    def norms(clip: float | None) -> list[float]:
        fitted = trainer(tmp_path / f"{clip}.pt", ERM(), epochs=1, clip_grad_norm=clip)
        parameters, found = list(fitted.model.parameters()), []
        fitted.optimizer.register_step_pre_hook(
            lambda *_: found.append(
                torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]).norm().item()
            )
        )
        fitted.fit(lambda *_: None)
        return found

    assert min(norms(None)) > 0.05
    assert norms(0.05) == pytest.approx([0.05] * 3, rel=1e-3)
