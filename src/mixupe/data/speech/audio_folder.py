"""A user's own recordings: one folder a class, optionally in parts such as `train` and `test`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.class_folders import FileKind, check_counts, find_files
from mixupe.data.content import folder_version
from mixupe.data.speech.audio_files import SUFFIXES, UNREADABLE, ClipFormat
from mixupe.data.speech.clip_cache import decoded_clips
from mixupe.data.speech.waveforms import WaveformSettings, waveform_bundle

RECORDINGS = FileKind("recording", SUFFIXES, UNREADABLE)


class Config(WaveformSettings):
    """Attributes:
    path: the folder.
    resample: convert files of another rate than sample_rate; otherwise such a file is an error.
    """

    # The files count by their content, wherever they lie.
    path: Annotated[Path, Field(json_schema_extra={"identity": False})]
    resample: bool = Field(default=False, strict=True)


def content_version(config: Config) -> str:
    """SHA-256 over the recordings and their paths below the folder; part of a run's identity in place of the path."""
    return folder_version(config.path, find_files(config.path, RECORDINGS).files)


def load(config: Config, request: DataRequest) -> DataBundle:
    found = find_files(config.path, RECORDINGS)
    check_counts(found, RECORDINGS, config.path, request)
    form = ClipFormat(config.sample_rate, config.seconds, config.resample)
    clips = decoded_clips(config.path, found.files, form, request.root)
    return waveform_bundle(clips.waveforms, replace(found, notes=found.notes + clips.notes), config, request)
