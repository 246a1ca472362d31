"""WAV files whose header was never completed are read to their end; files that were cut off are not mistaken for them."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mixupe.data.speech.audio_files import ClipFormat, read_clip
from mixupe.errors import UserError

FORM = ClipFormat(sample_rate=16000, seconds=0.1, resample=False)
SAMPLES = np.random.default_rng(0).integers(-32768, 32768, 1600, dtype=np.int16)


def wav(path: Path, riff_size: int | None, data_size: int | None, *, before: bytes = b"", after: bytes = b"") -> Path:
    """1,600 samples under a header with these sizes, None for the right ones; `before` and `after` are other chunks."""
    data = SAMPLES.astype("<i2").tobytes()
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    size = len(data) if data_size is None else data_size
    body = b"WAVE" + form + before + b"data" + struct.pack("<I", size) + data + after
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body)
    return path


# As ffmpeg, arecord and SoX, GStreamer, and a program that was killed leave it.
OPEN = [(0xFFFFFFFF, 0xFFFFFFFF), (0x80000024, 0x80000000), (0x7FFFF024, 0x7FFFF000), (0, 0), (36, 0), (0, 0xFFFFFFFF)]


@pytest.mark.parametrize(("riff_size", "data_size"), OPEN)
@pytest.mark.parametrize("before", [b"", b"LIST" + struct.pack("<I", 5) + b"INFOx\0"])
def test_an_open_size_means_to_the_end(tmp_path: Path, riff_size: int, data_size: int, before: bytes) -> None:
    clip = read_clip(wav(tmp_path / "a.wav", riff_size, data_size, before=before), FORM)
    np.testing.assert_array_equal(clip.samples, SAMPLES)
    assert clip.changes == ()


def test_a_half_sample_at_the_end_of_a_pipe_is_left(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 0, 0)
    path.write_bytes(path.read_bytes()[:-1])
    assert read_clip(path, FORM).changes == ("padded",)


def test_a_complete_file_is_read_as_ever(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", None, None, after=b"LIST" + struct.pack("<I", 4) + b"INFO")
    np.testing.assert_array_equal(read_clip(path, FORM).samples, SAMPLES)


@pytest.mark.parametrize("data_size", [3202, 6400, 10**6])
def test_a_size_that_was_known_is_held_against_the_file(tmp_path: Path, data_size: int) -> None:
    with pytest.raises(UserError, match=r"a\.wav is cut off"):
        read_clip(wav(tmp_path / "a.wav", data_size + 36, data_size), FORM)


def test_a_recording_without_samples_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(0), 16000)
    content = path.read_bytes() + b"LIST" + struct.pack("<I", 4) + b"INFO"
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    with pytest.raises(UserError, match=r"a\.wav holds no sample"):
        read_clip(path, FORM)


def test_a_flac_file_out_of_a_pipe_is_named(tmp_path: Path) -> None:
    """Its header leaves the number of samples open, and libsndfile cannot find the end."""
    path = tmp_path / "a.flac"
    soundfile.write(path, SAMPLES, 16000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.flac does not say how long it is") as error:
        read_clip(path, FORM)
    assert "\n" not in str(error.value)
