"""What the tests of all domains' loaders share."""

from pathlib import Path

import pytest

from mixupe.data.base import DataRequest


@pytest.fixture
def request_here(tmp_path: Path) -> DataRequest:
    return DataRequest(root=tmp_path / "data", seed=0, protocol="heldout")
