"""What a classifier got wrong, on answers small enough to count by hand."""

import numpy as np
import pytest

from mixupe.evaluation.explanation import Answers, calibration, class_errors, confident_mistakes, confusion_matrix

PROBABILITIES = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.3, 0.1], [0.05, 0.9, 0.05]], dtype=np.float16)
ANSWERS = Answers(
    ids=np.array([10, 11, 12, 13]),
    labels=np.array([0, 1, 1, 0]),
    predicted=np.array([0, 1, 0, 1]),
    probabilities=PROBABILITIES,
)


def test_counts() -> None:
    assert confusion_matrix(ANSWERS).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    a, _, c = class_errors(ANSWERS, ("a", "b", "c"))
    assert (a.examples, a.wrong, a.error, a.taken_for) == (2, 1, 50.0, "b")
    assert (c.examples, c.taken_for) == (0, None)
    assert np.isnan(c.error)


def test_the_surest_mistakes_come_first() -> None:
    assert confident_mistakes(ANSWERS, 5).tolist() == [3, 2]
    assert confident_mistakes(ANSWERS, 1).tolist() == [3]


def test_calibration_of_each_bin() -> None:
    found = calibration(ANSWERS, bins=2)
    assert found.counts.tolist() == [0, 4]
    assert found.accuracy[1] == 0.5
    assert found.confidence[1] == pytest.approx(0.8, abs=1e-3)
