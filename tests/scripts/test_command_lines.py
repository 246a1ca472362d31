"""What all scripts do with a wrong command line; scripts/train.py reads its own with Hydra."""

import sys
from pathlib import Path

import pytest

from tests.scripts.test_train import load_script

SCRIPTS = sorted(path.stem for path in (Path(__file__).parents[2] / "scripts").glob("*.py") if path.stem != "train")


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_unknown_option_is_one_line_and_status_2(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--unheard-of"])
    assert load_script(name).main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1


def test_filters_and_overrides_may_follow_an_option_of_a_subcommand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--output-root", str(tmp_path), "--results", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["runs.py", "export", str(tmp_path / "runs.csv"), *places, "done"])
    load_script("runs").main()
    assert "unrecognized" not in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["data.py", "fetch", "--table", "quickstart", "--fresh", "sed=0"])
    assert load_script("data").main() == 2
    assert capsys.readouterr().err.startswith("error: sed: unknown key")
