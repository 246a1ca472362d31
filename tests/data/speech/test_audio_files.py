"""One file to one clip: what is kept, what is changed, what is refused."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from mixupe.data.speech import audio_files
from mixupe.data.speech.audio_files import SUFFIXES, ClipFormat, read_clip
from mixupe.errors import UserError
from tests.data.speech.conftest import WriteAudio

Float64 = npt.NDArray[np.float64]

FORM = ClipFormat(sample_rate=16000, seconds=0.1, resample=False)
RESAMPLE = ClipFormat(sample_rate=16000, seconds=0.1, resample=True)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_samples_of_lossless_files_are_unchanged(tmp_path: Path, suffix: str) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, 1600, dtype=np.int16)
    soundfile.write(tmp_path / f"a.{suffix}", samples, 16000)
    clip = read_clip(tmp_path / f"a.{suffix}", FORM)
    np.testing.assert_array_equal(clip.samples, samples)
    assert clip.changes == ()


def test_long_clips_keep_their_middle(tmp_path: Path) -> None:
    samples = np.arange(1700, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    clip = read_clip(tmp_path / "a.wav", FORM)
    np.testing.assert_array_equal(clip.samples, samples[50:1650])
    assert clip.changes == ("cut",)


def test_short_clips_get_silence_on_both_sides(tmp_path: Path) -> None:
    samples = np.arange(1, 1500, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    clip = read_clip(tmp_path / "a.wav", FORM)
    np.testing.assert_array_equal(clip.samples, np.pad(samples, (50, 51)))
    assert clip.changes == ("padded",)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left = np.arange(0, 3200, 2, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([left, -left], axis=1), 16000)
    clip = read_clip(tmp_path / "a.wav", FORM)
    np.testing.assert_array_equal(clip.samples, np.zeros(1600))
    assert clip.changes == ("mixed", "silent")


@pytest.mark.parametrize("rate", [44100, 44101])
def test_resampling_keeps_a_tone_in_little_memory(tmp_path: Path, rate: int) -> None:
    """44101 and 16000 have no factor in common: an exact filter would take gigabytes."""
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4410) / rate)
    soundfile.write(tmp_path / "a.wav", tone, rate)
    clip = read_clip(tmp_path / "a.wav", RESAMPLE)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000)
    np.testing.assert_allclose(clip.samples[100:-100] / 32768, expected[100:-100], atol=0.01)
    assert clip.changes == ("resampled",)
    assert audio_files._resampler(rate, 16000).kernel.numel() < 10**7


def test_a_clip_of_silence_is_said(tmp_path: Path) -> None:
    word = np.pad(np.full(1600, 100, dtype=np.int16), (0, 8000))  # all of it before the middle
    soundfile.write(tmp_path / "a.wav", word, 16000)
    assert read_clip(tmp_path / "a.wav", FORM).changes == ("cut", "silent")


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(1600, 1.5, dtype=np.float32), 16000, subtype="FLOAT")
    clip = read_clip(tmp_path / "a.wav", FORM)
    assert set(clip.samples) == {32767}
    assert clip.changes == ("clipped",)


def test_another_rate_is_an_error_that_says_what_to_set(tmp_path: Path, write_audio: WriteAudio) -> None:
    path = write_audio(tmp_path / "a.wav", rate=8000)
    with pytest.raises(UserError, match=r"a\.wav has a sampling rate of 8000 Hz, allowed is 16000; .*resample=true"):
        read_clip(path, FORM)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_flipped_byte_in_the_header(tmp_path: Path, write_audio: WriteAudio, suffix: str) -> None:
    path = write_audio(tmp_path / f"a.{suffix}")
    content = bytearray(path.read_bytes())
    content[0] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.{suffix} cannot be read"):
        read_clip(path, FORM)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_half_a_file(tmp_path: Path, write_audio: WriteAudio, suffix: str) -> None:
    path = write_audio(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"a\.{suffix} (cannot be read|is cut off)"):
        read_clip(path, FORM)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(UserError, match=r"a\.wav cannot be read"):
        read_clip(tmp_path / "a.wav", FORM)


def test_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16000)
    with pytest.raises(UserError, match=r"a\.wav holds no sample"):
        read_clip(tmp_path / "a.wav", FORM)


def test_samples_that_are_not_finite(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(1600, np.nan, dtype=np.float32), 16000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"a\.wav holds NaN"):
        read_clip(tmp_path / "a.wav", FORM)


FORMATS = {
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".opus": ("OGG", "OPUS"),
    ".aiff": ("AIFF", "PCM_16"),
    ".au": ("AU", "PCM_16"),
    ".caf": ("CAF", "ALAC_16"),
    ".w64": ("W64", "PCM_16"),
    ".rf64": ("RF64", "PCM_16"),
    ".snd": ("AU", "ULAW"),
    **{
        f".{codec}.wav": ("WAV", codec)
        for codec in ("GSM610", "G721_32", "NMS_ADPCM_16", "IMA_ADPCM", "MS_ADPCM", "ALAW")
    },
}


@pytest.fixture
def tone() -> Float64:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)


@pytest.mark.parametrize("suffix", FORMATS)
def test_codecs_that_libsndfile_reads(tmp_path: Path, tone: Float64, suffix: str) -> None:
    kind, codec = FORMATS[suffix]
    path = tmp_path / f"a{suffix}"
    assert path.suffix in SUFFIXES
    soundfile.write(path, tone, 16000, format=kind, subtype=codec)
    clip = read_clip(path, ClipFormat(16000, 1.0, resample=False))
    # Some codecs answer a little late, and those that work on blocks fill up the last one.
    shifted = (np.roll(clip.samples, shift)[400:-400] for shift in range(-200, 201))
    assert max(float(np.corrcoef(signal, tone[400:-400])[0, 1]) for signal in shifted) > 0.95


@pytest.mark.parametrize("suffix", FORMATS)
def test_half_a_file_of_any_codec(tmp_path: Path, tone: Float64, suffix: str) -> None:
    kind, codec = FORMATS[suffix]
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, tone, 16000, format=kind, subtype=codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"a{suffix} (cannot be read|is cut off)"):
        read_clip(path, FORM)


def test_what_a_file_is_counts_not_what_it_is_called(tmp_path: Path, tone: Float64) -> None:
    soundfile.write(tmp_path / "a.mp3", tone, 16000)
    (tmp_path / "a.mp3").rename(tmp_path / "a.wav")
    assert len(read_clip(tmp_path / "a.wav", ClipFormat(16000, 1.0, resample=False)).samples) == 16000
