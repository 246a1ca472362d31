"""A copy of the package alone, as `pip install .` leaves it, says what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mixupe.places import CONFIGS

SCRIPTS = CONFIGS.parent / "scripts"


@pytest.mark.parametrize("command", ["train.py dataset=digits", "train.py --multirun table=quickstart", "data.py"])
def test_an_installed_copy_says_that_experiments_need_a_checkout(tmp_path: Path, command: str) -> None:
    for package in ("mixupe", "hydra_plugins"):
        copied = shutil.ignore_patterns("__pycache__")
        shutil.copytree(SCRIPTS.parent / "src" / package, tmp_path / "lib" / "site" / package, ignore=copied)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "lib" / "site")}
    name, *arguments = command.split()
    asked = [sys.executable, str(SCRIPTS / name), *arguments]
    done = subprocess.run(
        asked, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: configs: there is no {tmp_path / 'configs'}, since mixupe was installed without -e"
    )
    assert done.stderr.count("\n") == 1
