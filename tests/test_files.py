"""Files are whole or not there, and on disk where it is due."""

import os
import time
from pathlib import Path

import pytest

from mixupe import files
from mixupe.files import Syncs, write_json, write_text


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    return calls


def test_what_is_to_be_on_disk_is_forced_there(tmp_path: Path, synced: list[int]) -> None:
    write_text(tmp_path / "a", "a")
    assert not synced
    write_json(tmp_path / "b", {"b": 1}, sync=True)
    assert len(synced) == 1
    assert (tmp_path / "a").read_text() == "a"
    assert (tmp_path / "b").read_text() == '{\n  "b": 1\n}\n'


def test_syncs_are_due_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    syncs = Syncs()
    assert not syncs.due()
    now += files.SYNC_EVERY_S + 1
    assert [syncs.due(), syncs.due()] == [True, False]


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_text(path, "old")
    with pytest.raises(TypeError):
        write_json(path, {"new": object()})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
