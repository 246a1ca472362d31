"""A run explained in the terminal."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mixupe.evaluation.explanation import Answers
from mixupe.experiment.predictions import Predictions
from mixupe.runs.explain import show_run


def test_a_class_without_test_examples_has_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    place = SimpleNamespace(path="runs/0123", metrics=Path("nowhere"))
    run: Any = SimpleNamespace(
        id="0123", names=["toy"], flat={"seed": 0}, state="DONE", folder=place, reason=None, record=None
    )
    labels = np.array([0, 1])
    answers = Answers(labels, labels, labels, np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], dtype=np.float16))
    show_run(run, Predictions(("a", "b", "rare"), {"test": answers}), None)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.split()[:1] == ["rare"]] == [["rare", "0", "0"]]
