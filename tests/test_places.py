"""A copy of the package alone, as `pip install .` leaves it, says what is missing."""

from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.experiment.command import Command
from mixupe.runs.notebook import run
from mixupe.tables.declared import read_table
from tests.scripts.test_train import load_script


def test_an_installed_copy_says_that_experiments_need_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mixupe.places.CONFIGS", tmp_path / "configs")
    says = f"configs: there is no {tmp_path / 'configs'}, since mixupe was installed without -e; experiments need"
    with pytest.raises(UserError, match=f"^{says}"):
        Command.parse(["--multirun", "table=quickstart"])
    with pytest.raises(UserError, match=f"^{says}"):
        run(["dataset=digits"])
    with pytest.raises(UserError, match=f"^{says}"):
        read_table("quickstart")
    assert load_script("data").main([]) == 2
    assert capsys.readouterr().err.startswith(f"error: {says}")
