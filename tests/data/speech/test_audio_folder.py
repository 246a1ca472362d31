"""A user's folder of recordings: good ones, and each way it can be wrong."""

from pathlib import Path
from typing import Any

import pytest

from mixupe.data.base import DataRequest
from mixupe.data.speech.audio_folder import content_version, load
from mixupe.data.speech.settings import AudioFolder
from mixupe.errors import UserError
from tests.data.speech.conftest import WriteAudio


def config(path: Path, **changes: Any) -> AudioFolder:
    values = {"name": "mine", "domain": "speech", "loader": "speech.audio_folder", "path": path, "seconds": 0.1}
    return AudioFolder.model_validate(values | changes)


@pytest.fixture
def folder(tmp_path: Path, write_audio: WriteAudio) -> Path:
    """Two classes of six recordings, in all allowed formats."""
    for label in ("cat", "dog"):
        for number in range(6):
            suffix = ("wav", "flac", "ogg")[number % 3]
            write_audio(
                tmp_path / "mine" / label / f"{number}.{suffix}", seed=number + 100 * len(label) * ord(label[0])
            )
    return tmp_path / "mine"


def test_good_folder(folder: Path, request_here: DataRequest) -> None:
    data = load(config(folder), request_here)
    assert data.spec.class_names == ("cat", "dog")
    assert data.spec.input_shape == (1, 40, 11)
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [8, 2, 2]
    assert data.notes == ()
    assert load(config(folder), request_here).split_digest == data.split_digest


def test_other_files_are_counted(folder: Path, request_here: DataRequest) -> None:
    (folder / "README.txt").write_text("about")
    (folder / "cat" / "._0.wav").write_text("left by a Mac")
    notes = load(config(folder), request_here).notes
    assert notes == ("2 file(s) that are not recordings were left out, the first is README.txt",)


def test_recordings_in_nested_folders_count(folder: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_audio(folder / "cat" / "second session" / "0.WAV", seed=7)
    data = load(config(folder), request_here)
    assert sum(len(part.labels) for part in (data.train, data.validation, data.test)) == 13


def test_parts_are_kept(folder: Path, request_here: DataRequest) -> None:
    for label in ("cat", "dog"):
        for part, numbers in (("Train", "012"), ("dev", "3"), ("Test", "45")):
            (folder / part / label).mkdir(parents=True)
            for file in (folder / label).glob(f"[{numbers}].*"):
                file.rename(folder / part / label / file.name)
        (folder / label).rmdir()
    data = load(config(folder), request_here)
    assert data.spec.class_names == ("cat", "dog")
    assert [part.labels.tolist() for part in (data.train, data.validation, data.test)] == [
        [0, 0, 0, 1, 1, 1],
        [0, 1],
        [0, 0, 1, 1],
    ]


def test_a_link_that_leads_back_is_not_followed(folder: Path, request_here: DataRequest) -> None:
    (folder / "cat" / "self").symlink_to("..")
    data = load(config(folder), request_here)
    assert sum(len(part.labels) for part in (data.train, data.validation, data.test)) == 12
    assert data.notes == ("1 link(s) to what is counted in its own place were left out, the first is self",)


def test_another_telephone_s_recording_is_named(folder: Path, request_here: DataRequest) -> None:
    (folder / "cat" / "memo.M4A").touch()
    with pytest.raises(UserError, match=r"memo\.M4A cannot be read: \.m4a is not supported"):
        load(config(folder), request_here)


def test_version_follows_content_not_place(folder: Path, write_audio: WriteAudio) -> None:
    before = content_version(config(folder))
    moved = folder.rename(folder.with_name("moved"))
    assert content_version(config(moved)) == before
    write_audio(moved / "cat" / "0.wav", seed=99)
    changed = content_version(config(moved))
    assert changed != before
    (moved / "cat" / "0.wav").rename(moved / "dog" / "new.wav")
    assert content_version(config(moved)) not in {before, changed}


def test_another_rate(folder: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    path = write_audio(folder / "dog" / "slow.wav", rate=8000)
    with pytest.raises(UserError, match=rf"{path} has a sampling rate of 8000 Hz, allowed is 16000"):
        load(config(folder), request_here)
    notes = load(config(folder, resample=True), request_here).notes
    assert notes == ("1 of 13 recordings have another sampling rate: resampled",)


def test_unreadable_recording(folder: Path, request_here: DataRequest) -> None:
    (folder / "dog" / "9.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(UserError, match=r"dog/9\.wav cannot be read"):
        load(config(folder), request_here)


def test_no_folder(tmp_path: Path, request_here: DataRequest) -> None:
    with pytest.raises(UserError, match=r"dataset\.path: .*nowhere is not there"):
        load(config(tmp_path / "nowhere"), request_here)


def test_no_classes(tmp_path: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_audio(tmp_path / "flat" / "a.wav")
    with pytest.raises(UserError, match=r"flat has 0 class folder\(s\), at least 2 are needed"):
        load(config(tmp_path / "flat"), request_here)


def test_one_class(tmp_path: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_audio(tmp_path / "one" / "cat" / "a.wav")
    with pytest.raises(UserError, match=r"one has 1 class folder\(s\), at least 2 are needed"):
        load(config(tmp_path / "one"), request_here)


def test_class_without_recordings(folder: Path, request_here: DataRequest) -> None:
    (folder / "emu").mkdir()
    with pytest.raises(UserError, match=r"emu holds no recording, allowed are \.wav, "):
        load(config(folder), request_here)


def test_class_with_one_recording(folder: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_audio(folder / "emu" / "0.wav", seed=5)
    with pytest.raises(UserError, match=r"class 'emu' of .* has 1 recording\(s\), at least 3 are needed"):
        load(config(folder), request_here)
