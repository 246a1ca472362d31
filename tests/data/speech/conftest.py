"""Short recordings on disk, made by the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

WriteAudio = Callable[..., Path]


@pytest.fixture
def write_audio() -> WriteAudio:
    """write_audio(path, seconds=0.1, rate=16000, seed=0, channels=1): noise; its folder is made."""

    def write(path: Path, seconds: float = 0.1, rate: int = 16000, seed: int = 0, channels: int = 1) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * rate), channels))
        soundfile.write(path, noise, rate)
        return path

    return write
