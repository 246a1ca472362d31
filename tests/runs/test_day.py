"""A researcher's day: from a table to a comparison, a prediction, the reason of a bad run, two runs compared, a grid read.

Each is one command of the two at the most that a person would type.
"""

import io
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from mixupe.experiment.predictions import read_predictions
from mixupe.runs.notebook import Results, run
from tests.runs.conftest import write_table
from tests.scripts.test_train import load_script

Finished = tuple[Path, Results]


def call(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: object) -> int:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, arguments)])
    status: int = load_script(script).main()
    return status


def test_a_table_becomes_a_comparison_in_one_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "my.csv")
    words = ["dataset=csv", "dataset.path=my.csv", "dataset.target=kind", "augmentation=none,mixup", "seed=0,1"]
    assert (
        call(monkeypatch, "train", "--multirun", *words, "trainer.epochs=2", "logger=none", "trainer.device=cpu") == 0
    )
    said = capfd.readouterr().out
    assert "my mlp: test error in %, over seeds" in said
    assert "Chance on my: 66.7% for guessing evenly, " in said
    assert "Of 2 seeds no difference can be told from noise" in said
    assert "After 2 epochs of training a comparison says nothing" in " ".join(said.split())
    (table,) = tmp_path.glob("outputs/sweeps/*/table.csv")
    frame = pd.read_csv(table)
    assert list(frame["group"]) == ["none", "mixup"]
    assert list(frame["n"]) == [2, 2]
    assert frame["delta"][1] == pytest.approx(frame["mean"][1] - frame["mean"][0], abs=1e-3)
    assert table.with_suffix(".md").read_text().startswith("my mlp: test error in %")


def test_the_grid_is_read(
    monkeypatch: pytest.MonkeyPatch, finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, results = finished
    places = ("--output-root", root, "--results", tmp_path)
    assert call(monkeypatch, "runs", "list", "augmentation=mixup", "seed=0,2", *places) == 0
    said = capsys.readouterr().out
    assert "2 runs: my mlp mixup" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert {line.split()[0] for line in said.splitlines() if "seed=" in line} == {
        str(row.id) for row in results.runs.itertuples() if row.run in ("mixup seed=0", "mixup seed=2")
    }
    for state in ("interrupted", "stopped"):  # the key and the word that is shown
        assert call(monkeypatch, "runs", "list", state, *places) == 0
        assert capsys.readouterr().out == "No runs.\n"
    for text in ("path=[", "path=@x", "path={a", "path=!!x"):  # no YAML, but may be a path
        assert call(monkeypatch, "runs", "list", text, *places) == 0
        assert capsys.readouterr().out == "No runs.\n"
    for name in ("runs.csv", "runs.parquet"):
        assert call(monkeypatch, "runs", "export", tmp_path / name, "trainer.epochs=6", *places) == 0
    frame = pd.read_parquet(tmp_path / "runs.parquet")
    assert len(frame) == len(pd.read_csv(tmp_path / "runs.csv")) == 6
    assert set(frame["trainer.epochs"]) == {6}
    assert frame["metrics.test_error"].between(0, 100).all()


def test_new_rows_are_predicted_as_the_run_did(
    monkeypatch: pytest.MonkeyPatch, finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    root, results = finished
    run = results.stored[0]
    assert call(monkeypatch, "predict", run.id[:8], root / "my.csv", "--output-root", root) == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(frame.columns) == ["row", "predicted", "p_ant", "p_bee", "p_wasp"]
    predictions = read_predictions(run.folder.predictions)
    assert predictions is not None
    answers = predictions.parts["test"]
    rows = frame.iloc[answers.ids]
    assert list(rows["predicted"]) == [predictions.classes[index] for index in answers.predicted]
    assert abs(rows[["p_ant", "p_bee", "p_wasp"]].to_numpy() - answers.probabilities).max() < 1e-3


def test_two_runs_are_compared(
    monkeypatch: pytest.MonkeyPatch, finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, results = finished
    none, mixup = results.stored[0], results.stored[3]
    assert (none.flat["seed"], mixup.flat["seed"]) == (0, 0)
    assert call(monkeypatch, "runs", "compare", none.id, mixup.id, "--output-root", root, "--results", tmp_path) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "augmentation.name none mixup" in said
    assert "trainer.epochs" not in said
    assert "Of 48 test examples that both have: both right" in said
    assert "McNemar's exact test: p = " in said
    folder = root / "compare" / f"{none.id[:8]}-{mixup.id[:8]}"
    assert {path.name for path in folder.iterdir()} == {"curves.png", "disagreements.csv"}


@pytest.mark.parametrize("records", ["new", "old"])
def test_runs_on_a_file_that_has_changed_are_not_compared_example_by_example(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], records: str
) -> None:
    write_table(tmp_path / "my.csv")
    words = ["dataset=csv", f"dataset.path={tmp_path / 'my.csv'}", "dataset.target=kind", "augmentation=none"]
    words += ["trainer.epochs=1", "logger=none", "trainer.device=cpu", f"output_root={tmp_path}"]
    before = run(words, quiet=True).stored[0]
    frame = pd.read_csv(tmp_path / "my.csv")
    frame.assign(x=-3 * frame["x"]).to_csv(tmp_path / "my.csv", index=False)
    after = run(words, quiet=True).stored[0]
    for of_run in (before, after) if records == "old" else ():
        record = json.loads(of_run.folder.record.read_text())
        del record["content"]
        of_run.folder.record.write_text(json.dumps(record))
    assert call(monkeypatch, "runs", "compare", before.id, after.id, "--output-root", tmp_path) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Their data differ: the files that they were trained on have another content." in said
    assert "McNemar" not in said
    assert call(monkeypatch, "runs", "list", "--output-root", tmp_path, "--results", tmp_path) == 0
    assert capsys.readouterr().out.count(" content=") == (2 if records == "new" else 0)


def test_a_run_is_explained_here_and_as_a_page(
    monkeypatch: pytest.MonkeyPatch, finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, results = finished
    run = results.stored[0]
    assert call(monkeypatch, "runs", "show", run.id[:8], "--output-root", root, "--results", tmp_path) == 0
    said = capsys.readouterr().out
    assert all(len(line) <= 80 or str(root) in line or run.id in line for line in said.splitlines())
    words = ("Confusion matrix", "Errors by class", "The most confident mistakes", "Calibration", "color")
    assert [word for word in words if word not in said] == []
    page = (root / "pages" / f"{run.id}.html").read_text()
    assert page.count("<img") == 2
    assert "taken for" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_a_bad_run_says_why(
    monkeypatch: pytest.MonkeyPatch, finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = finished
    words = ["dataset=csv", f"dataset.path={root / 'my.csv'}", "dataset.target=kind", "optimizer.lr=1e-6", "seed=0"]
    assert call(monkeypatch, "train", *words, "trainer.epochs=3", "logger=none", "trainer.device=cpu") == 0
    (run,) = (tmp_path / "outputs" / "runs").iterdir()
    capsys.readouterr()
    assert call(monkeypatch, "runs", "show", run.name, "--results", tmp_path) == 0
    assert "! The validation loss was still falling in the last epoch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "nope"], "error: run: 'nope' begins no id in"),
        (
            ["list", "trainer.epoch=6"],
            "error: filter: 'trainer.epoch' is in no run's config; allowed are its keys, such as",
        ),
        (["list", "output_root=out"], "error: filter: 'output_root' is where runs lie, in no run's config; give it as"),
        (["list", "swan"], "error: filter: 'swan' is no state (done, running, interrupted, failed)"),
        (["export", "runs.txt"], "error: export: runs.txt must end in .csv or .parquet"),
    ],
)
def test_bad_input_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    finished: Finished,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    root, _ = finished
    assert call(monkeypatch, "runs", *arguments, "--output-root", root, "--results", tmp_path) == 2
    assert capsys.readouterr().err.startswith(says)
