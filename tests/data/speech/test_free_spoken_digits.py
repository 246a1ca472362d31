"""Recordings of digits in the set's layout: nobody is heard in two parts; and each way the files can be wrong."""

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.registry import dataset_settings, fetch, is_here
from mixupe.data.speech.free_spoken_digits import load
from mixupe.data.speech.settings import FreeSpokenDigits
from mixupe.errors import UserError
from tests.data.speech.conftest import WriteAudio

CONFIG = Path(__file__).parents[3] / "configs" / "dataset" / "free_spoken_digits.yaml"
SPEAKERS = ("ann", "bob", "cy", "dee")


def config(**changes: Any) -> FreeSpokenDigits:
    """As the repository's config, but for a small set."""
    small = {"recordings": 80, "seconds": 0.1, "time_shift": 0.0, "folds": 4}
    settings = dataset_settings({**yaml.safe_load(CONFIG.read_text()), **small, **changes})
    assert isinstance(settings, FreeSpokenDigits)
    return settings


def sizes(bundle: DataBundle) -> list[int]:
    return [len(part.labels) for part in (bundle.train, bundle.validation, bundle.test)]


def heard(bundle: DataBundle) -> list[set[str]]:
    """The speakers of training, validation and test."""
    words = bundle.notes[-1].removeprefix("speakers: training ").replace("; validation ", ";").replace("; test ", ";")
    return [set(names.split(", ")) for names in words.split(";")]


@pytest.fixture
def recordings(tmp_path: Path, write_audio: WriteAudio) -> Path:
    """Two recordings of each digit by each of four speakers."""
    folder = tmp_path / "mine" / "recordings"
    for number in range(80):
        digit, speaker, take = number % 10, SPEAKERS[number // 10 % 4], number // 40
        suffix = ("wav", "flac")[take]
        write_audio(folder / f"{digit}_{speaker}_{take}.{suffix}", rate=8000, seed=number)
    return folder


def test_from_the_cache_folder(recordings: Path, request_here: DataRequest) -> None:
    settings = config()
    assert not is_here(settings, request_here.root)
    with pytest.raises(
        UserError, match=r"free_spoken_digits/recordings is not there; get the .* its folder `recordings`"
    ):
        fetch(settings, request_here.root)
    shutil.copytree(recordings, request_here.root / "free_spoken_digits" / "recordings")
    assert is_here(settings, request_here.root)
    bundle = load(settings, request_here)
    assert bundle.spec.class_names == tuple("0123456789")
    assert bundle.spec.input_shape == (1, 32, 11)
    assert sizes(bundle) == [40, 20, 20]
    assert torch.bincount(bundle.test.labels).tolist() == [2] * 10


def test_nobody_is_heard_in_two_parts_and_each_speaker_is_tested_once(
    recordings: Path, request_here: DataRequest
) -> None:
    tested: list[str] = []
    for seed in range(4):
        parts = heard(load(config(path=recordings), DataRequest(request_here.root, seed, "heldout")))
        assert [len(part) for part in parts] == [2, 1, 1]
        assert set.union(*parts) == set(SPEAKERS)
        tested += parts[2]
    assert sorted(tested) == sorted(SPEAKERS)


def test_speakers_are_held_out_in_fractions_and_in_the_papers_protocol_too(
    recordings: Path, request_here: DataRequest
) -> None:
    halves = heard(load(config(path=recordings, folds=None, test_fraction=0.5), request_here))
    assert [len(part) for part in halves] == [1, 1, 2]
    assert set.union(*halves) == set(SPEAKERS)
    train, validation, test = heard(load(config(path=recordings), DataRequest(request_here.root, 0, "paper")))
    assert validation == test
    assert train == set(SPEAKERS) - test


def test_the_waveforms_are_those_of_the_speakers(
    recordings: Path, request_here: DataRequest, write_audio: WriteAudio
) -> None:
    """A speaker who is silent is silent in one part only, as the note says."""
    for path in recordings.glob("*_bob_*.wav"):
        shutil.copy(write_audio(recordings.parent / "silence.wav", seconds=0.05, rate=8000), path)
    bundle = load(config(path=recordings), request_here)
    padded = [
        int((part.waveforms[:, :100] == 0).all(dim=1).sum())  # type: ignore[attr-defined]
        for part in (bundle.train, bundle.validation, bundle.test)
    ]
    assert padded == [10 if "bob" in names else 0 for names in heard(bundle)]


@pytest.mark.parametrize("kind", ["the folder", "its parent", "tar", "zip", "release"])
def test_from_a_path(recordings: Path, request_here: DataRequest, tmp_path: Path, kind: str) -> None:
    expected = load(config(path=recordings), request_here)
    path = {"the folder": recordings, "its parent": recordings.parent}.get(kind)
    if kind == "release":  # a folder of the release's name around it
        (tmp_path / "around").mkdir()
        recordings.parent.rename(tmp_path / "around" / "digits-1.0")
        path = Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", tmp_path / "around"))
    if path is None:
        path = Path(shutil.make_archive(str(tmp_path / "packed"), kind, recordings.parent))
    bundle = load(config(path=path), request_here)
    assert bundle.split_digest == expected.split_digest
    assert torch.equal(bundle.test.waveforms, expected.test.waveforms)  # type: ignore[attr-defined]
    assert not (recordings.parent / "cache").exists()


def _cut_off(folder: Path) -> Path:
    path = Path(shutil.make_archive(str(folder.parent / "packed"), "gztar", folder.parent))
    path.write_bytes(path.read_bytes()[:3000])
    return path


def _leads_out(folder: Path) -> Path:
    path = folder.parent / "packed.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder / "0_ann_0.wav", "../0_ann_0.wav")
    return path


def _nothing(folder: Path) -> Path:
    return folder / "nowhere.tar"


def _other_files(folder: Path) -> Path:
    for path in folder.iterdir():
        path.rename(path.with_suffix(".mp3"))
    return folder


def _one_missing(folder: Path) -> Path:
    (folder / "0_ann_0.wav").unlink()
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_cut_off, r"^dataset\.path: .*packed\.tar\.gz cannot be read \("),
        (_leads_out, r"^dataset\.path: .*packed\.tar: '\.\./0_ann_0\.wav' leads out of the folder"),
        (_nothing, r"^dataset\.path: .*nowhere\.tar is not there"),
        (_other_files, r"recordings holds no <digit>_<speaker>_<n>\.flac or \.wav"),
        (_one_missing, r"recordings holds 79 recordings instead of 80; .* dataset\.recordings=null"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    recordings: Path, request_here: DataRequest, change: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        load(config(path=change(recordings)), request_here)
    assert "\n" not in str(error.value)


def test_what_is_there_is_taken_if_every_speaker_says_every_digit(recordings: Path, request_here: DataRequest) -> None:
    _one_missing(recordings)
    assert sum(sizes(load(config(path=recordings, recordings=None), request_here))) == 79
    (recordings / "0_ann_1.flac").unlink()
    with pytest.raises(UserError, match="has no 0 of the speaker ann"):
        load(config(path=recordings, recordings=None), request_here)
    for path in (*recordings.glob("*_ann_*"), *recordings.glob("*_bob_*")):
        path.unlink()
    with pytest.raises(UserError, match=r"has 2 speaker\(s\), at least 3 are needed"):
        load(config(path=recordings, recordings=None), request_here)


@pytest.mark.slow
@pytest.mark.skipif("MIXUPE_TEST_DATA" not in os.environ, reason="MIXUPE_TEST_DATA does not name a folder with the set")
def test_the_real_recordings(request_here: DataRequest) -> None:
    path = Path(os.environ["MIXUPE_TEST_DATA"]) / "free_spoken_digits.tar"
    settings = dataset_settings({**yaml.safe_load(CONFIG.read_text()), "path": path})
    tested: list[str] = []
    for seed in range(6):
        assert isinstance(settings, FreeSpokenDigits)
        bundle = load(settings, DataRequest(request_here.root, seed, "heldout"))
        assert sizes(bundle) == [2000, 500, 500]
        assert torch.bincount(bundle.test.labels).tolist() == [50] * 10
        tested += heard(bundle)[2]
    assert sorted(tested) == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert bundle.notes[:2] == (
        "20 of 3000 recordings are longer than a clip: their middle is kept",
        "2980 of 3000 recordings are shorter than a clip: silence before and after",
    )
