"""Audio files of N examples, decoded once, as a data set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.speech.audio_files import ClipFormat
from mixupe.data.speech.clip_cache import decoded_clips
from mixupe.data.speech.settings import WaveformSettings
from mixupe.data.speech.waveforms import waveform_bundle
from mixupe.data.splits import Examples


def recordings_bundle(
    folder: Path,
    files: Sequence[Path],
    examples: Examples,
    settings: WaveformSettings,
    request: DataRequest,
    *,
    resample: bool = True,
) -> DataBundle:
    """Decode, split and normalise recordings.

    Args:
        folder: the files lie below it.
        files: of the N examples.
        resample: convert files of another rate; otherwise they are an error.

    Raises:
        UserError: a file cannot be decoded, or as `waveform_bundle`.
    """
    form = ClipFormat(settings.sample_rate, settings.seconds, resample)
    clips = decoded_clips(folder, files, form, request.root)
    return waveform_bundle(clips.waveforms, replace(examples, notes=(*clips.notes, *examples.notes)), settings, request)
