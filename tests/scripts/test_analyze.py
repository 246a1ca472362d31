"""scripts/analyze.py: the files of a run, and what it says of bad input."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from mixupe.experiment.progress import Quiet
from mixupe.experiment.request import Request
from mixupe.experiment.run import run_all
from tests.experiment.conftest import Compose, compose  # noqa: F401 - the fixture
from tests.scripts.test_train import load_script


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["analyze.py", *arguments])
    status: int = load_script("analyze").main()
    return status


def test_a_run_gets_its_three_files(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    compose: Compose,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_all([Request.of(compose("augmentation=mixup", "augmentation.alpha=0.4"))], Quiet())[0].id
    root = ("--output-root", str(tmp_path))
    assert call(monkeypatch, run, "--snapshots", "3", "--pairs", "60", *root) == 0
    said = capsys.readouterr().out
    assert (
        "wine mlp mixup seed 0: alpha 0.4, 60 pairs, trained again, validation loss at the end that of the record"
        in said
    )
    folder = tmp_path / "analysis" / run
    assert sorted(path.name for path in folder.iterdir()) == ["analysis.csv", "analysis.json", "analysis.png"]
    analysis = json.loads((folder / "analysis.json").read_text())
    rows = pd.read_csv(folder / "analysis.csv")
    assert list(rows["step"]) == [point["step"] for point in analysis["points"]] == [0, 1, 12]
    for _, row in rows.iterrows():
        whole = row["mixed"] - row["clean"]
        assert row["remainder_0"] == pytest.approx(whole, abs=1e-5)
        assert row["remainder_2"] == pytest.approx(whole - row["term_1"] - row["term_2"], abs=1e-5)
        assert row["share_1"] == pytest.approx(row["term_1"] / whole, rel=1e-2)
        assert row["cosine_v4"] == pytest.approx(row["cosine_cross-entropy"], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["0123456789abcdef"], "error: run: '0123456789abcdef' is unknown; allowed are the names of the folders in"),
        (["a", "--pairs", "1"], "error: --pairs: must be a whole number >= 2, got 1"),
        (["a", "--snapshots", "1"], "error: --snapshots: must be a whole number >= 2, got 1"),
        (["a", "--alpha", "nan"], "error: --alpha: must lie in [1e-08, 1e+08], got nan"),
        (["a", "--alpha", "1e300"], "error: --alpha: must lie in [1e-08, 1e+08], got 1e+300"),
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


def test_a_summary_has_the_rows_of_all_runs(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    compose: Compose,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    requests = [Request.of(compose(f"augmentation={method}")) for method in ("none", "mixup")]
    runs = [outcome.id for outcome in run_all(requests, Quiet())]
    root = ("--output-root", str(tmp_path))
    assert call(monkeypatch, *runs, "--pairs", "20", "--summary", str(tmp_path / "missing" / "all.csv"), *root) == 2
    assert f"error: --summary: there is no folder {tmp_path / 'missing'}" in capsys.readouterr().err
    assert call(monkeypatch, *runs, "--pairs", "20", "--summary", str(tmp_path / "all.csv"), *root) == 0
    summary = pd.read_csv(tmp_path / "all.csv")
    assert list(dict.fromkeys(summary["augmentation"])) == ["none", "mixup"]
    for run, rows in summary.groupby("id"):
        alone = pd.read_csv(tmp_path / "analysis" / str(run) / "analysis.csv")
        pd.testing.assert_frame_equal(rows[alone.columns].reset_index(drop=True), alone, check_dtype=False)
    assert {"dataset", "model", "seed", "alpha", "pairs", "commit", "remainder_10", "remainder_30"} <= set(summary)
