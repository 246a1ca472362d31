"""Whole public sets, where the environment variable MIXUPE_TEST_DATA names a folder with copies of them."""

import os
from pathlib import Path

import pytest


def real(name: str) -> Path:
    """That file or folder; the test is skipped where it is not there."""
    folder = os.environ.get("MIXUPE_TEST_DATA")
    path = Path(folder or ".", name)
    if folder is None or not path.exists():
        pytest.skip(f"needs {name} in the folder MIXUPE_TEST_DATA")
    return path
