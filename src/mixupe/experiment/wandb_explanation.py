"""What W&B shows of a finished run beside its metrics: confusion matrix, class errors, calibration, confident mistakes."""

from typing import Any

import numpy as np

from mixupe.data.base import DataBundle
from mixupe.evaluation.explanation import calibration, class_errors, confusion_matrix
from mixupe.experiment.predictions import Predictions, mistakes

MISTAKES = 16
# A matrix of more classes is no picture any more.
MOST_CLASSES = 50


def explanation(wandb: Any, predictions: Predictions, data: DataBundle) -> dict[str, Any]:
    """Tables and images of the test part, by the names under which they are logged."""
    names, answers = predictions.classes, predictions.parts["test"]
    errors = [
        [of_class.name, of_class.examples, of_class.wrong, of_class.error, of_class.taken_for]
        for of_class in class_errors(answers, names)
    ]
    bins = calibration(answers)
    rows = zip(bins.confidence, bins.accuracy, bins.counts, strict=True)
    logged = {
        "test/class_errors": wandb.Table(["class", "examples", "wrong", "error", "taken for"], errors),
        "test/calibration": wandb.Table(
            ["confidence", "accuracy", "examples"], [[float(a), float(b), int(n)] for a, b, n in rows if n]
        ),
        **_mistakes(wandb, predictions, data),
    }
    if len(names) <= MOST_CLASSES:
        matrix = confusion_matrix(answers)
        logged["test/confusion"] = wandb.Table(
            ["class", "predicted", "examples"],
            [[names[row], names[column], int(matrix[row, column])] for row, column in np.ndindex(*matrix.shape)],
        )
        logged["test/confusion_image"] = wandb.Image(_picture(matrix), caption="rows: class, columns: predicted")
    return logged


def _mistakes(wandb: Any, predictions: Predictions, data: DataBundle) -> dict[str, Any]:
    """A table, and the pictures or recordings beside it: inside a table an offline run would keep them elsewhere."""
    rows, media = [], []
    for mistake in mistakes(predictions, data, MISTAKES):
        example = mistake.example
        words = ", ".join(f"{name} {value}" for name, value in example.facts.items())
        rows.append([mistake.id, mistake.label, mistake.predicted, mistake.confidence, words])
        caption = f"{mistake.label} taken for {mistake.predicted}, {mistake.confidence:.0%} sure, example {mistake.id}"
        if example.pixels is not None:
            media.append(wandb.Image(example.pixels, caption=caption))
        if example.samples is not None:
            media.append(wandb.Audio(example.samples, sample_rate=example.sample_rate, caption=caption))
    header = ["example", "class", "predicted", "confidence", "what it is"]
    return {"test/mistakes": wandb.Table(header, rows), **({"test/mistaken": media} if media else {})}


def _picture(matrix: Any) -> Any:
    """Shares of each row as grey values, white for none; an image has no axes, the table beside it has the names."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(1, 320 // len(matrix))
    return np.kron(255 - (255 * shares).astype(np.uint8), np.ones((side, side), dtype=np.uint8))
