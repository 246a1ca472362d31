"""Classification metrics of a model on a split."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.augmentation.output import logits_of
from mixupe.data.base import Split
from mixupe.preemption import check

# Of fewer classes, five guesses say little.
TOP5_CLASSES = 10
LARGEST_BATCH = 1024
# Of all inputs of a batch: 64 MB in float32. A thousand images of 224x224 would need gigabytes, in the network far more.
LARGEST_INPUTS = 2**24


def evaluation_batch(input_shape: Sequence[int]) -> int:
    """How many examples of that shape are evaluated at a time."""
    return min(LARGEST_BATCH, max(1, LARGEST_INPUTS // prod(input_shape)))


@torch.inference_mode()
def predict(
    model: nn.Module,
    split: Split,
    autocast: AbstractContextManager[object] | None = None,
    rows: Tensor | None = None,
    batch: int = LARGEST_BATCH,
    check: Callable[[], None] = check,
) -> tuple[Tensor, Tensor]:
    """Logits (n, K) in float32 and labels (n,), on the split's device, in evaluation mode.

    Args:
        model: maps inputs to logits, or to an output that holds them.
        split: of N examples.
        autocast: entered around the passes.
        rows: (n,) int64 on the CPU, which examples; None takes all N.
        batch: examples at a time.
        check: called before each batch.

    Raises:
        StoppedError: this process was asked to stop.
    """
    model.eval()
    logits, labels = [], []
    with autocast or nullcontext():
        rows = torch.arange(len(split.labels)) if rows is None else rows
        for inputs, y in split.batches(torch.split(rows, batch)):
            check()
            logits.append(logits_of(model(inputs), len(y)).float())
            labels.append(y)
    return torch.cat(logits), torch.cat(labels)


def error_and_loss(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Top-1 `error` in percent and mean cross-entropy `loss` in nats, of logits (n, K) and labels (n,)."""
    wrong = (logits.argmax(dim=1) != labels).double().mean() * 100
    return {"error": wrong.item(), "loss": F.cross_entropy(logits, labels).item()}


def full_metrics(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """error and loss, and besides them balanced error (mean over the classes that have examples), Brier score and expected
    calibration error, of logits (n, K) and labels (n,).

    From 10 classes on also the top-5 error: the class is not among those of the five largest logits. Errors and
    calibration error (15 bins) in percent; loss, the negative log-likelihood, in nats; the Brier score is the mean over the
    examples of sum_k (p_k - y_k)^2, from 0 to 2 (Brier 1950, over all classes).
    """
    # Imported here: it takes 2 s, longer than all a finished sweep has to do.
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

    classes = logits.shape[1]
    recalls = multiclass_accuracy(logits, labels, num_classes=classes, average="none")
    # As torchmetrics' own mean to the bit, which counts a class without examples as wrong throughout if it is predicted.
    recalls = recalls[torch.bincount(labels, minlength=classes) > 0]
    balanced: Tensor = (recalls / len(recalls)).sum()
    probabilities = logits.softmax(dim=1)
    calibration = multiclass_calibration_error(probabilities, labels, num_classes=classes, n_bins=15)
    metrics = {
        **error_and_loss(logits, labels),
        "balanced_error": (1 - balanced.item()) * 100,
        "calibration_error": calibration.item() * 100,
        "brier": (probabilities - F.one_hot(labels, classes)).double().square().sum(dim=1).mean().item(),
    }
    if classes >= TOP5_CLASSES:
        missed = (logits.topk(5, dim=1).indices != labels[:, None]).all(dim=1)
        metrics["top5_error"] = missed.double().mean().item() * 100
    return metrics
