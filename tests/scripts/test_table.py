"""scripts/table.py on the quickstart's records."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.scripts.test_train import load_script


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["table.py", *arguments])
    status: int = load_script("table").main()
    return status


def test_an_unknown_table_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "nowhere") == 2
    assert capsys.readouterr().err.startswith("error: table: 'nowhere' is unknown, allowed are")


def test_missing_runs_are_said_and_status_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mixupe.tables.build.RESULTS", tmp_path)
    assert call(monkeypatch, "quickstart", f"output_root={tmp_path}/outputs") == 1
    assert "declared runs are missing" in capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "quickstart" / "table.csv")
    assert (frame["n"] == 0).all()
    assert (tmp_path / "quickstart" / "table.png").stat().st_size > 1000
