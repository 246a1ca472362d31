"""Metrics worked by hand."""

import pytest
import torch
from torch import Tensor, nn

from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.classification import error_and_loss, evaluation_batch, full_metrics, predict

# Two of four right; class 0 twice right, classes 1 and 2 wrong.
LOGITS = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
LABELS = torch.tensor([0, 0, 1, 2])


def test_error_and_loss() -> None:
    metrics = error_and_loss(LOGITS, LABELS)
    assert metrics["error"] == 50.0
    expected = -torch.log_softmax(LOGITS.double(), 1)[torch.arange(4), LABELS].mean().item()
    assert metrics["loss"] == pytest.approx(expected, rel=1e-6)


def test_balanced_error_is_the_mean_over_classes_and_calibration_is_confidence_against_accuracy() -> None:
    metrics = full_metrics(LOGITS, LABELS)
    assert metrics["balanced_error"] == pytest.approx(100 * (0 + 1 + 1) / 3)
    # Rows 2 and 4 share a bin of confidence 0.576, accuracy one half; rows 1 and 3 are alone in theirs.
    first, second, third = (LOGITS[i].softmax(0).max().item() for i in (0, 1, 2))
    expected = 0.25 * (1 - first) + 0.5 * abs(second - 0.5) + 0.25 * third
    assert metrics["calibration_error"] == pytest.approx(100 * expected, rel=1e-4)


def test_a_class_without_examples_has_no_part_in_the_balanced_error() -> None:
    logits = 5 * torch.eye(3)[[0, 1, 2, 1]]  # one of three of class 1 is taken for class 2
    assert full_metrics(logits, torch.tensor([0, 1, 1, 1]))["balanced_error"] == pytest.approx(100 / 6, rel=1e-5)


def test_the_brier_score_is_of_all_classes() -> None:
    assert full_metrics(torch.zeros(3, 4), torch.tensor([0, 1, 3]))["brier"] == pytest.approx(0.75**2 + 3 * 0.25**2)
    certain = torch.tensor([[99.0, 0.0], [99.0, 0.0]])
    assert full_metrics(certain, torch.tensor([0, 1]))["brier"] == pytest.approx((0 + 2) / 2)


def test_top_5_from_ten_classes_on() -> None:
    """Logits rank the classes downwards from the label, which is 1st, 5th, 6th and last."""
    ranks = torch.tensor([0, 4, 5, 9])
    logits = -torch.arange(10.0).expand(4, 10)
    metrics = full_metrics(logits, ranks)
    assert (metrics["error"], metrics["top5_error"]) == (75.0, 50.0)
    assert "top5_error" not in full_metrics(logits[:, :9], ranks.clamp_max(8))


def test_predict_sees_every_example_once_in_order_in_evaluation_mode() -> None:
    inputs = torch.arange(2500, dtype=torch.float32).unsqueeze(1)
    model = nn.Sequential(nn.Dropout(0.9), nn.Identity()).train()
    logits, labels = predict(model, TensorSplit(inputs, torch.arange(2500)))
    assert torch.equal(logits, inputs)
    assert torch.equal(labels, torch.arange(2500))


def test_predict_finds_the_logits_in_what_a_model_returns() -> None:
    class Several(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"logits": 2 * x, "features": x}

    inputs = torch.randn(9, 3)
    logits, _ = predict(Several(), TensorSplit(inputs, torch.arange(9) % 3))
    assert torch.equal(logits, 2 * inputs)


@pytest.mark.parametrize(
    ("shape", "examples"), [((16,), 1024), ((3, 32, 32), 1024), ((3, 224, 224), 111), ((3, 4096, 4096), 1)]
)
def test_batches_of_large_inputs_are_small(shape: tuple[int, ...], examples: int) -> None:
    assert evaluation_batch(shape) == examples


def test_the_size_of_a_batch_changes_no_result() -> None:
    torch.manual_seed(0)
    model, split = nn.Linear(4, 3), TensorSplit(torch.randn(50, 4), torch.arange(50))
    in_batches, at_once = predict(model, split, batch=7), predict(model, split)
    torch.testing.assert_close(in_batches[0], at_once[0])
    assert torch.equal(in_batches[1], at_once[1])
