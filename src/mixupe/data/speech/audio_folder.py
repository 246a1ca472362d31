"""A user's own recordings: one folder a class, optionally in parts such as `train` and `test`."""

from dataclasses import replace

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.class_folders import FileKind, check_counts, find_files
from mixupe.data.content import folder_version
from mixupe.data.speech.audio_files import SUFFIXES, UNREADABLE, ClipFormat
from mixupe.data.speech.clip_cache import decoded_clips
from mixupe.data.speech.settings import AudioFolder
from mixupe.data.speech.waveforms import waveform_bundle

RECORDINGS = FileKind("recording", SUFFIXES, UNREADABLE)


def content_version(config: AudioFolder) -> str:
    """SHA-256 over the recordings and their paths below the folder; part of a run's identity in place of the path."""
    return folder_version(config.path, find_files(config.path, RECORDINGS).files)


def load(config: AudioFolder, request: DataRequest) -> DataBundle:
    found = find_files(config.path, RECORDINGS)
    check_counts(found, RECORDINGS, config.path, request)
    form = ClipFormat(config.sample_rate, config.seconds, config.resample)
    clips = decoded_clips(config.path, found.files, form, request.root)
    return waveform_bundle(clips.waveforms, replace(found, notes=found.notes + clips.notes), config, request)
