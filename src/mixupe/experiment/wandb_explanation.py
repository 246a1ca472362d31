"""What W&B shows of a finished run beside its metrics: confusion matrix, class errors, calibration, confident mistakes."""

from typing import Any

import numpy as np

from mixupe.data.base import DataBundle
from mixupe.data.shown import Shown, shown
from mixupe.evaluation.explanation import calibration, class_errors, confident_mistakes, confusion_matrix
from mixupe.experiment.predictions import Predictions

MISTAKES = 16
# A matrix of more classes is no picture any more.
MOST_CLASSES = 50


def explanation(wandb: Any, predictions: Predictions, data: DataBundle) -> dict[str, Any]:
    """Tables and images of the test part, by the names under which they are logged."""
    names, answers = predictions.classes, predictions.parts["test"]
    errors = [[one.name, one.examples, one.wrong, one.error, one.taken_for] for one in class_errors(answers, names)]
    bins = calibration(answers)
    rows = zip(bins.confidence, bins.accuracy, bins.counts, strict=True)
    logged = {
        "test/class_errors": wandb.Table(["class", "examples", "wrong", "error", "taken for"], errors),
        "test/calibration": wandb.Table(
            ["confidence", "accuracy", "examples"], [[float(a), float(b), int(n)] for a, b, n in rows if n]
        ),
        "test/mistakes": _mistakes(wandb, predictions, data),
    }
    if len(names) <= MOST_CLASSES:
        matrix = confusion_matrix(answers)
        logged["test/confusion"] = wandb.Table(
            ["class", "predicted", "examples"],
            [[names[row], names[column], int(matrix[row, column])] for row, column in np.ndindex(*matrix.shape)],
        )
        logged["test/confusion_image"] = wandb.Image(_picture(matrix), caption="rows: class, columns: predicted")
    return logged


def _mistakes(wandb: Any, predictions: Predictions, data: DataBundle) -> Any:
    answers, names = predictions.parts["test"], predictions.classes
    rows = []
    for position in confident_mistakes(answers, MISTAKES):
        example = _media(wandb, shown(data.test, int(position), data.spec, data.preparation))
        label, predicted = names[answers.labels[position]], names[answers.predicted[position]]
        rows.append([int(answers.ids[position]), example, label, predicted, float(answers.confidence[position])])
    return wandb.Table(["example", "shown", "class", "predicted", "confidence"], rows, allow_mixed_types=True)


def _media(wandb: Any, example: Shown) -> Any:
    if example.pixels is not None:
        return wandb.Image(example.pixels)
    if example.samples is not None:
        return wandb.Audio(example.samples, sample_rate=example.sample_rate)
    return ", ".join(f"{name} {value}" for name, value in example.facts.items())


def _picture(matrix: Any) -> Any:
    """Shares of each row as grey values, white for none; an image has no axes, the table beside it has the names."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(1, 320 // len(matrix))
    return np.kron(255 - (255 * shares).astype(np.uint8), np.ones((side, side), dtype=np.uint8))
