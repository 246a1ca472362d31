"""The smallest benchmark there is."""

import pytest
import torch

from benchmarks.options import Options


@pytest.fixture
def options() -> Options:
    return Options(torch.device("cpu"), threads=1, repeat=2, quick=True)
