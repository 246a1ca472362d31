"""What a classifier got wrong: confusion matrix, errors by class, confident mistakes, calibration; arrays in, arrays out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
BINS = 15


@dataclass(frozen=True)
class Answers:
    """What a classifier answered for n examples of K classes.

    Attributes:
        ids: (n,) numbers of the examples in the whole set.
        labels: (n,) class indices.
        predicted: (n,) class indices, of the largest logit.
        probabilities: (n, K) float16, softmax of the logits.
    """

    ids: Integers
    labels: Integers
    predicted: Integers
    probabilities: npt.NDArray[np.float16]

    @property
    def confidence(self) -> Floats:
        """(n,) probability of what was predicted."""
        return self.probabilities[np.arange(len(self.labels)), self.predicted].astype(np.float64)

    @property
    def is_wrong(self) -> npt.NDArray[np.bool_]:
        """(n,)"""
        return np.not_equal(self.labels, self.predicted)


@dataclass(frozen=True)
class ClassErrors:
    """A class: its examples, how many of them were taken for others, and which other most often (None without a mistake)."""

    name: str
    examples: int
    wrong: int
    taken_for: str | None

    @property
    def error(self) -> float:
        """In percent; NaN where the part holds no example of the class."""
        return 100 * self.wrong / self.examples if self.examples else float("nan")


@dataclass(frozen=True)
class Calibration:
    """Examples by confidence in equal bins of [0, 1]; means are NaN in an empty one.

    Attributes:
        counts: (bins,).
        confidence, accuracy: (bins,) means over a bin's examples.
    """

    counts: Integers
    confidence: Floats
    accuracy: Floats


def confusion_matrix(answers: Answers) -> Integers:
    """(K, K): how many examples of each class (rows) were taken for each (columns)."""
    classes = answers.probabilities.shape[1]
    flat = np.bincount(answers.labels * classes + answers.predicted, minlength=classes**2)
    return flat.reshape(classes, classes)


def class_errors(answers: Answers, names: tuple[str, ...]) -> list[ClassErrors]:
    """Each class, in the order of the classes."""
    matrix = confusion_matrix(answers)
    mistakes = matrix - np.diag(np.diag(matrix))
    return [
        ClassErrors(name, int(row.sum()), int(wrong.sum()), names[int(wrong.argmax())] if wrong.any() else None)
        for name, row, wrong in zip(names, matrix, mistakes, strict=True)
    ]


def confident_mistakes(answers: Answers, most: int) -> Integers:
    """Positions, (m,), of the mistakes with the highest confidence, at most so many, the most confident first."""
    wrong = np.flatnonzero(answers.is_wrong)
    order = np.argsort(-answers.confidence[wrong], kind="stable")
    return wrong[order][:most]


def calibration(answers: Answers, bins: int = BINS) -> Calibration:
    """How often answers of a confidence are right."""
    place = np.minimum((answers.confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, answers.confidence, minlength=bins) / counts
        accuracy = np.bincount(place, ~answers.is_wrong, minlength=bins) / counts
    return Calibration(counts, confidence, accuracy)
