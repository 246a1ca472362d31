"""Decoding once: the cache follows the content of the files and is never half written."""

from pathlib import Path

import numpy as np
import pytest

from mixupe.data.speech import clip_cache
from mixupe.data.speech.audio_files import Clip, ClipFormat
from mixupe.data.speech.clip_cache import decoded_clips
from mixupe.errors import UserError
from tests.data.speech.conftest import WriteAudio

FORM = ClipFormat(sample_rate=16000, seconds=0.1, resample=False)


def test_decodes_once(tmp_path: Path, write_audio: WriteAudio, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    files = [write_audio(folder / f"{n}.wav", seed=n) for n in range(3)]
    first = decoded_clips(folder, files, FORM, tmp_path)

    def fail(path: Path, form: ClipFormat) -> Clip:
        raise AssertionError(f"{path} was decoded a second time")

    monkeypatch.setattr(clip_cache, "read_clip", fail)
    second = decoded_clips(folder, files, FORM, tmp_path)
    np.testing.assert_array_equal(first.waveforms, second.waveforms)
    assert second.waveforms.shape == (3, 1600)
    assert second.waveforms.dtype == np.int16


def test_changed_content_is_decoded_again(tmp_path: Path, write_audio: WriteAudio) -> None:
    folder = tmp_path / "in"
    files = [write_audio(folder / f"{n}.wav", seed=n) for n in range(2)]
    before = np.array(decoded_clips(folder, files, FORM, tmp_path).waveforms)
    write_audio(files[1], seed=9)
    after = decoded_clips(folder, files, FORM, tmp_path).waveforms
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).any()


def test_another_order_or_length_is_another_entry(tmp_path: Path, write_audio: WriteAudio) -> None:
    folder = tmp_path / "in"
    files = [write_audio(folder / f"{n}.wav", seed=n) for n in range(2)]
    forward = decoded_clips(folder, files, FORM, tmp_path).waveforms
    backward = decoded_clips(folder, files[::-1], FORM, tmp_path).waveforms
    np.testing.assert_array_equal(forward, backward[::-1])
    short = decoded_clips(folder, files, ClipFormat(16000, 0.05, resample=False), tmp_path).waveforms
    assert short.shape == (2, 800)


def test_changes_are_counted_also_when_read_from_the_cache(tmp_path: Path, write_audio: WriteAudio) -> None:
    folder = tmp_path / "in"
    files = [write_audio(folder / f"{n}.wav", seconds=0.05 * (n + 1)) for n in range(4)]
    expected = (
        "2 of 4 recordings are longer than a clip: their middle is kept",
        "1 of 4 recordings are shorter than a clip: silence before and after",
    )
    assert decoded_clips(folder, files, FORM, tmp_path).notes == expected
    assert decoded_clips(folder, files, FORM, tmp_path).notes == expected


def test_a_broken_file_leaves_no_entry(tmp_path: Path, write_audio: WriteAudio) -> None:
    folder = tmp_path / "in"
    files = [write_audio(folder / f"{n}.wav", seed=n) for n in range(2)]
    files[1].write_bytes(b"not audio")
    with pytest.raises(UserError, match=r"1\.wav cannot be read"):
        decoded_clips(folder, files, FORM, tmp_path)
    assert not [path for path in (tmp_path / "cache" / "speech").iterdir() if path.is_dir()]


def test_a_damaged_entry_is_named(tmp_path: Path, write_audio: WriteAudio) -> None:
    folder = tmp_path / "in"
    files = [write_audio(folder / "a.wav")]
    decoded_clips(folder, files, FORM, tmp_path)
    (array,) = (tmp_path / "cache" / "speech").glob("*/waveforms.npy")
    array.write_bytes(array.read_bytes()[:200])
    with pytest.raises(UserError, match=rf"{array.parent} is damaged .*delete that folder"):
        decoded_clips(folder, files, FORM, tmp_path)
