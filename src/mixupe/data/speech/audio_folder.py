"""A user's own recordings: one folder a class, WAV, FLAC or Ogg files in it at any depth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.content import folder_version
from mixupe.data.speech.audio_files import SUFFIXES, ClipFormat
from mixupe.data.speech.clip_cache import decoded_clips
from mixupe.data.speech.waveforms import WaveformSettings, waveform_bundle
from mixupe.settings import UserError


class Config(WaveformSettings):
    """Attributes:
    path: the folder.
    resample: convert files of another rate than sample_rate; otherwise such a file is an error.
    """

    # The files count by their content, wherever they lie.
    path: Annotated[Path, Field(json_schema_extra={"identity": False})]
    resample: bool = Field(default=False, strict=True)


@dataclass(frozen=True)
class Recordings:
    """What was found.

    Attributes:
        files: N files, by class and name.
        labels: (N,) class indices.
        class_names: K folder names, sorted.
        notes: what was left out.
    """

    files: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def content_version(config: Config) -> str:
    """SHA-256 over the recordings and their paths below the folder; part of a run's identity in place of the path."""
    return folder_version(config.path, find_recordings(config.path).files)


def load(config: Config, request: DataRequest) -> DataBundle:
    found = find_recordings(config.path)
    _check_counts(config, request, found)
    form = ClipFormat(config.sample_rate, config.seconds, config.resample)
    clips = decoded_clips(config.path, found.files, form, request.root)
    notes = found.notes + clips.notes
    return waveform_bundle(clips.waveforms, found.labels, found.class_names, config, request, notes=notes)


def find_recordings(folder: Path) -> Recordings:
    """List the recordings of DIR/<class>/**.

    Raises:
        UserError: the folder is not there; it has fewer than two classes, or one without recordings.
    """
    allowed = ", ".join(SUFFIXES)
    if not folder.is_dir():
        raise UserError(f"dataset.path: {folder} is not there or is not a folder; allowed is a folder of class folders")
    classes = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if len(classes) < 2:
        raise UserError(
            f"dataset.path: {folder} has {len(classes)} class folder(s), at least 2 are needed (one folder a class)"
        )
    files: list[Path] = []
    labels: list[int] = []
    for label, child in enumerate(classes):
        recordings = sorted(path for path in child.rglob("*") if _is_recording(path))
        if not recordings:
            raise UserError(f"dataset.path: {child} holds no recording, allowed are {allowed}; remove the folder")
        files += recordings
        labels += [label] * len(recordings)
    others = sorted({path for path in folder.rglob("*") if path.is_file()} - set(files))
    notes = (
        (f"{len(others)} file(s) that are not {allowed} were left out, the first is {others[0].name}",)
        if others
        else ()
    )
    return Recordings(tuple(files), np.array(labels, dtype=np.int64), tuple(child.name for child in classes), notes)


def _is_recording(path: Path) -> bool:
    # macOS leaves hidden files named ._a.wav beside a.wav on foreign disks.
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _check_counts(config: Config, request: DataRequest, found: Recordings) -> None:
    """One recording a class for each part."""
    parts = 3 if request.protocol == "heldout" else 2
    for name, count in zip(found.class_names, np.bincount(found.labels), strict=True):
        if count < parts:
            raise UserError(
                f"dataset.path: class {name!r} of {config.path} has {count} recording(s), at least {parts} are needed"
            )
