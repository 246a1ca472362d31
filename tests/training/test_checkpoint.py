"""Checkpoint files: damage is noticed, the one before is there, a full disk leaves both."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch

from mixupe.files import previous
from mixupe.training.checkpoint import load_checkpoint, save_checkpoint

CPU = torch.device("cpu")
FullDisk = Callable[[str], AbstractContextManager[None]]


def state(epoch: int) -> dict[str, Any]:
    return {"epoch": epoch, "model": {"weight": torch.full((50, 40), float(epoch))}, "random": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Checkpoints of epochs 1 to 3 were saved there."""
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path / "checkpoint.pt", state(epoch))
    return tmp_path / "checkpoint.pt"


def loaded_epoch(path: Path) -> tuple[int | None, list[str]]:
    found, damaged = load_checkpoint(path, CPU)
    if found is None:
        return None, damaged
    assert torch.equal(found["model"]["weight"], state(found["epoch"])["model"]["weight"])
    return found["epoch"], damaged


def test_the_last_one_is_loaded_and_the_one_before_is_kept(path: Path) -> None:
    assert loaded_epoch(path) == (3, [])
    assert sorted(file.name for file in path.parent.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]
    path.unlink()  # killed between the two renames of a save
    assert loaded_epoch(path) == (2, [])
    previous(path).unlink()
    assert loaded_epoch(path) == (None, [])


def test_torch_load_reads_it_as_it_is(path: Path) -> None:
    assert torch.load(path, weights_only=True)["epoch"] == 3


def test_any_flipped_bit_is_noticed_or_does_no_harm_and_any_cut_is_noticed(path: Path) -> None:
    """The archive's padding and the copies of its headers have no checksum; `loaded_epoch` looks at the tensors."""
    whole = path.read_bytes()
    draw = random.Random(0)
    noticed = 0
    for _ in range(100):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        found = loaded_epoch(path)
        assert found in [(2, ["checkpoint.pt is damaged"]), (3, [])]
        noticed += found[0] == 2
    assert noticed > 80
    for _ in range(40):
        path.write_bytes(whole[: draw.randrange(len(whole))])
        assert loaded_epoch(path) == (2, ["checkpoint.pt is damaged"])
    assert not path.exists(), "a damaged file never takes the place of the one before"


def test_one_of_an_earlier_version_with_a_checksum_behind_it_is_loaded(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"sha256:" + b"0" * 64)
    assert loaded_epoch(path) == (3, [])
    assert torch.load(path, weights_only=True)["epoch"] == 3


def test_with_both_damaged_there_is_none(path: Path) -> None:
    path.write_bytes(b"")
    previous(path).write_bytes(path.read_bytes()[:100])
    assert loaded_epoch(path) == (None, ["checkpoint.pt is damaged", "checkpoint.previous.pt is damaged"])


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_what_was_there(path: Path, full_disk: FullDisk) -> None:
    with full_disk(""), pytest.raises(OSError, match=rf"No space left on device: '{path}'"):
        save_checkpoint(path, state(4))
    assert loaded_epoch(path) == (3, [])
    assert sorted(file.name for file in path.parent.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]
