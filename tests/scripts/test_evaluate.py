"""scripts/evaluate.py: the files of a run, and what it says of bad input."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from mixupe.experiment.run import request_run
from tests.experiment.conftest import Compose, compose  # noqa: F401 - the fixture
from tests.scripts.test_train import load_script


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments])
    status: int = load_script("evaluate").main()
    return status


def test_a_run_gets_its_three_files(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    compose: Compose,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = request_run(compose("augmentation=mixup")).id
    assert call(monkeypatch, run, "--examples", "20", "--output-root", str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "wine mlp mixup seed 0: 20 test examples; test error " in said
    assert "% on the whole test part, as in the record" in said
    assert "corruptions: left out, needs images held in memory" in said
    folder = tmp_path / "evaluation" / run
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation.csv", "evaluation.json", "evaluation.png"]
    evaluation = json.loads((folder / "evaluation.json").read_text())
    rows = pd.read_csv(folder / "evaluation.csv")
    assert list(rows["error"]) == pytest.approx([row["error"] for row in evaluation["rows"]], rel=1e-5)
    assert set(rows["part"]) == {"clean", "attacks", "segments"}
    assert call(monkeypatch, run, "--parts", "segments, segments", "--output-root", str(tmp_path)) == 0
    assert list(pd.read_csv(folder / "evaluation.csv")["part"]) == ["clean", *["segments"] * 11]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["0123456789abcdef"], "error: run: '0123456789abcdef' is unknown; allowed are the names of the folders in"),
        (
            ["a", "--parts", "noise"],
            "error: --parts: 'noise' is unknown, allowed are deformations, corruptions, attacks",
        ),
        (["a", "--examples", "1"], "error: --examples: must be a whole number >= 2, got 1"),
        ([], "error: the following arguments are required: RUN"),
    ],
)
def test_bad_input_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert call(monkeypatch, *arguments) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(says)
    assert complaint.count("\n") == 1
