"""One audio file to one mono clip of fixed rate and length."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from torchaudio.transforms import Resample

from mixupe.data.speech.piped_wav import patched_pipe
from mixupe.errors import UserError, first_line

# What libsndfile reads, whatever a file is called.
SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".w64", ".rf64"),
)
UNREADABLE = (".m4a", ".aac", ".wma", ".amr", ".3gp")

# What libsndfile's log calls the size that is too large in a file that was cut off: of WAV, AU, AIFF, RF64 and W64.
SIZES = ("data", "Data Size", "SSND", "Riff size", "riff")
# More frames than any file has: libsndfile's word for a FLAC file whose header leaves the number open.
MOST_FRAMES = 2**62
# Product of two rates in lowest terms up to which they are converted exactly: 11025 to 192000 Hz has 376,320.
LARGEST_FILTER = 10_000_000

Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClipFormat:
    """What every clip is turned into.

    Attributes:
        sample_rate: in Hz.
        seconds: length; longer clips keep their middle, shorter ones get equal silence before and after.
        resample: convert files of another rate; otherwise they are an error.
    """

    sample_rate: int
    seconds: float
    resample: bool

    @property
    def samples(self) -> int:
        return round(self.seconds * self.sample_rate)


@dataclass(frozen=True)
class Clip:
    """A decoded file.

    Attributes:
        samples: (T,) int16.
        changes: what was done to it, keys of CHANGES.
    """

    samples: Int16
    changes: tuple[str, ...]


CHANGES = {
    "mixed": "have several channels: averaged",
    "resampled": "have another sampling rate: resampled",
    "cut": "are longer than a clip: their middle is kept",
    "padded": "are shorter than a clip: silence before and after",
    "clipped": "exceed full scale: clipped",
    "silent": "have a clip of zeros alone, which tells nothing: look at dataset.seconds, or remove them",
}


def change_notes(counts: Sequence[int], clips: int) -> tuple[str, ...]:
    """A sentence for each of CHANGES that was made, to so many of the clips."""
    return tuple(f"{n} of {clips} recordings {what}" for n, what in zip(counts, CHANGES.values(), strict=True) if n)


def read_clip(path: Path, form: ClipFormat) -> Clip:
    """Decode one file of any format that libsndfile reads: WAV, FLAC, Ogg, MP3, AIFF and others.

    Raises:
        UserError: the file is broken, cut off, empty or not finite, or has a rate that is not allowed.
    """
    channels, rate = _read(path)
    changes = []
    signal = channels.mean(axis=1)
    if channels.shape[1] > 1:
        changes.append("mixed")
    if rate != form.sample_rate:
        if not form.resample:
            raise UserError(
                f"dataset: {path} has a sampling rate of {rate} Hz, allowed is {form.sample_rate}; set"
                " dataset.resample=true to convert it, or dataset.sample_rate"
            )
        changes.append("resampled")
        signal = _resampler(rate, form.sample_rate)(torch.from_numpy(signal)).numpy()
    if len(signal) != form.samples:
        changes.append("cut" if len(signal) > form.samples else "padded")
        signal = _fit(signal, form.samples)
    scaled = np.rint(signal * 32768)
    # Full-scale negative is -32768, positive 32767: one step off is not clipping.
    if scaled.max() > 32768 or scaled.min() < -32768:
        changes.append("clipped")
    if not scaled.any():
        changes.append("silent")
    return Clip(np.clip(scaled, -32768, 32767).astype(np.int16), tuple(changes))


def read_mono(path: Path) -> tuple[Float32, int]:
    """All samples of a file as (n,) in [-1, 1], and its rate. Raises UserError as `read_clip`."""
    channels, rate = _read(path)
    return channels.mean(axis=1), rate


def _read(path: Path) -> tuple[Float32, int]:
    """(n, channels) and the rate."""
    try:
        with soundfile.SoundFile(patched_pipe(path)) as file:
            frames, rate = file.frames, file.samplerate
            if frames > MOST_FRAMES:
                raise UserError(
                    f"dataset: {path} does not say how long it is, as files that were written to a pipe; convert it"
                )
            # libsndfile reads a file that was cut off without complaint, but says in its log what is missing.
            log = [line.split(":") for line in file.extra_info.splitlines() if "(should be" in line]
            # The number of frames is given because soundfile asks for it where a codec cannot seek, as in GSM.
            channels = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(
            f"dataset: {path} cannot be read ({first_line(error)}); allowed are WAV, FLAC, Ogg and MP3 files"
        ) from error
    if len(channels) < frames or any(chunk[0].strip() in SIZES for chunk in log):
        raise UserError(f"dataset: {path} is cut off: its header announces more samples than it holds; replace it")
    if len(channels) == 0:
        raise UserError(f"dataset: {path} holds no sample; remove or replace it")
    if not np.isfinite(channels).all():
        raise UserError(f"dataset: {path} holds NaN or infinite samples; remove or replace it")
    return channels, rate


@lru_cache(maxsize=16)
def _resampler(from_rate: int, to_rate: int) -> Resample:
    """Kept, because its filter takes longer to compute than a short clip to convert.

    The filter is as large as the two rates in lowest terms: of 44101 and 16000 Hz it would take gigabytes. The usual rates
    have small terms, others are taken as the nearest ratio that has, less than a thousandth off.
    """
    ratio = Fraction(from_rate, to_rate)
    if ratio.numerator * ratio.denominator > LARGEST_FILTER:
        ratio = ratio.limit_denominator(1000)
    return Resample(ratio.numerator, ratio.denominator)


def _fit(signal: Float32, samples: int) -> Float32:
    excess = len(signal) - samples
    if excess > 0:
        return signal[excess // 2 : excess // 2 + samples]
    before = -excess // 2
    return np.pad(signal, (before, -excess - before))
