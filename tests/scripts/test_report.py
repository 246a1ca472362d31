"""scripts/report.py: where it writes, and what it says of bad input."""

import sys
from pathlib import Path

import pytest

from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.files import write_json
from mixupe.tables.collect import declared_runs
from mixupe.tables.declared import read_table
from tests.scripts.test_train import load_script
from tests.tables.fake import fake_record


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One record of the baselines, and a folder of a table that needs overrides."""
    folder = tmp_path / "results"
    monkeypatch.setattr("mixupe.places.RESULTS", folder)
    monkeypatch.setattr("mixupe.report.content.pictures", lambda *_: [])
    with hydra_initialised():
        settings = declared_runs(read_table("baselines"), folder / "baselines")[5].settings
    for name in ("baselines", "own_csv"):
        write_json(folder / name / "records" / f"{run_id(settings)}.json", fake_record(settings, 17.0))
    return folder


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["report.py", *arguments])
    status: int = load_script("report").main()
    return status


def test_all_tables_with_records_make_one_page(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch) == 0
    said = capsys.readouterr()
    assert "left out: own_csv: dataset" in said.err
    assert "report.html" in said.out
    assert "Baselines without mixing" in (results / "report.html").read_text()


def test_one_table_has_a_page_of_its_own(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    assert call(monkeypatch, "baselines", "seed=0,1") == 0
    assert "1 of 14 declared runs" in (results / "baselines" / "report.html").read_text()
    assert not (results / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "error: results: no table to show (nowhere: table: 'nowhere' is unknown"),
        (
            ["baselines", "quickstart"],
            "error: table: one with its overrides, or none of both; got baselines quickstart",
        ),
        (["seed=0"], "error: table: one with its overrides, or none of both; got seed=0"),
    ],
)
def test_bad_input_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    results: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    assert call(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert " ".join(error.split()).startswith(says)
