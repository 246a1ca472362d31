"""A user's own recordings: one folder a class, optionally in parts such as `train` and `test`."""

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.class_folders import FileKind, find_examples, find_files
from mixupe.data.content import folder_version
from mixupe.data.speech.audio_files import SUFFIXES, UNREADABLE
from mixupe.data.speech.clip_cache import recordings_bundle
from mixupe.data.speech.settings import AudioFolder

RECORDINGS = FileKind("recording", SUFFIXES, UNREADABLE)


def content_version(config: AudioFolder) -> str:
    """SHA-256 over the recordings and their paths below the folder; part of a run's identity in place of the path."""
    return folder_version(config.path, find_files(config.path, RECORDINGS).files)


def load(config: AudioFolder, request: DataRequest) -> DataBundle:
    found = find_examples(config.path, RECORDINGS, request)
    return recordings_bundle(config.path, found.files, found, config, request, resample=config.resample)
