"""predictions.npz: what a finished run answered for its validation and test examples, so that it can be explained later."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mixupe.data.base import DataBundle
from mixupe.data.shown import Shown, shown
from mixupe.evaluation.explanation import Answers, confident_mistakes
from mixupe.files import replacing, to_disk

PARTS = ("validation", "test")
# Part -> logits (n, K) and labels (n,), as `Trainer.test` leaves them.
Outputs = Mapping[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Predictions:
    """What a finished run answered.

    Attributes:
        classes: K names.
        parts: validation and test; of the epoch with the lowest validation error.
    """

    classes: tuple[str, ...]
    parts: Mapping[str, Answers]


def predictions_of(data: DataBundle, outputs: Outputs) -> Predictions:
    """What a run answered, with the numbers of the examples in the whole set."""
    parts = {}
    for part, (logits, labels) in outputs.items():
        # Of the logits: in float16 two probabilities can be equal.
        predicted = logits.argmax(dim=1)
        probabilities = logits.double().softmax(dim=1).to(torch.float16)
        ids = data.ids.get(part, np.arange(len(labels)))
        arrays = (tensor.cpu().numpy() for tensor in (labels, predicted, probabilities))
        parts[part] = Answers(np.asarray(ids, dtype=np.int64), *arrays)
    return Predictions(data.spec.class_names, parts)


@dataclass(frozen=True)
class Mistake:
    """A wrong answer of the test part.

    Attributes:
        id: number of the example in the whole set.
        label, predicted: names of classes.
        confidence: probability of the answer.
        example: what it looks like; empty where the data cannot be had.
    """

    id: int
    label: str
    predicted: str
    confidence: float
    example: Shown


def mistakes(predictions: Predictions, data: DataBundle | None, most: int) -> list[Mistake]:
    """The most confident ones, the surest first."""
    answers, names = predictions.parts["test"], predictions.classes
    return [
        Mistake(
            *(int(answers.ids[at]), names[answers.labels[at]], names[answers.predicted[at]]),
            *(float(answers.confidence[at]),),
            Shown() if data is None else shown(data.test, int(at), data.spec, data.preparation),
        )
        for at in confident_mistakes(answers, most)
    ]


def write_predictions(path: Path, predictions: Predictions, sync: bool = False) -> None:
    """Whole or not at all; on disk when it returns, if `sync`. Nothing in it is pickled."""
    arrays = {"classes": np.array(predictions.classes, dtype=np.str_)}
    for part, answers in predictions.parts.items():
        arrays |= {f"{part}_{name}": values for name, values in vars(answers).items()}
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type] # its stubs take the names for options
        if sync:
            to_disk(file)


def read_predictions(path: Path) -> Predictions | None:
    """None where the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = {
                part: Answers(
                    *(file[f"{part}_{name}"] for name in ("ids", "labels", "predicted", "probabilities")),
                )
                for part in PARTS
            }
            return Predictions(tuple(file["classes"].tolist()), parts)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
