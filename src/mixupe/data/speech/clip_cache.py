"""Decoded clips on disk: audio files are decoded once and then read as one array, and so become a data set."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from mixupe.data.archives import staged_folder
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.content import folder_version
from mixupe.data.long_work import shown
from mixupe.data.speech.audio_files import CHANGES, ClipFormat, Int16, change_notes, read_clip
from mixupe.data.speech.settings import WaveformSettings
from mixupe.data.speech.waveforms import waveform_bundle
from mixupe.data.splits import Examples
from mixupe.errors import UserError

# Raised when the same files would be decoded to other samples.
DECODER_VERSION = 2


@dataclass(frozen=True)
class DecodedClips:
    """Clips in the order of the files they come from.

    Attributes:
        waveforms: (N, T), mapped from disk: read when rows are taken.
        notes: what decoding changed.
    """

    waveforms: Int16
    notes: tuple[str, ...]


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


def decoded_clips(folder: Path, files: Sequence[Path], form: ClipFormat, root: Path) -> DecodedClips:
    """Decode the files, or read what an earlier call decoded from files of the same names and content.

    Args:
        folder: the files lie below it.
        files: in the order wanted.
        root: `data.root`.

    Raises:
        UserError: a file cannot be decoded; nothing is cached then.
    """
    names = [path.relative_to(folder).as_posix() for path in files]
    content = repr((DECODER_VERSION, form, names, folder_version(folder, files)))
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    cache = root / "cache" / "speech"
    cache.mkdir(parents=True, exist_ok=True)
    entry = cache / key
    # One process decodes; the others wait for it and then read.
    with FileLock(cache / f".{key}.lock"):
        if not entry.is_dir():
            _decode(files, form, entry)
    try:
        waveforms = np.load(entry / "waveforms.npy", mmap_mode="r", allow_pickle=False)
        changes = np.load(entry / "changes.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"dataset: {entry} is damaged ({error}); delete that folder") from error
    return DecodedClips(waveforms, change_notes(changes.tolist(), len(files)))


def _decode(files: Sequence[Path], form: ClipFormat, entry: Path) -> None:
    changes: Counter[str] = Counter()
    with staged_folder(entry) as staging:
        waveforms = np.lib.format.open_memmap(
            staging / "waveforms.npy", mode="w+", dtype=np.int16, shape=(len(files), form.samples)
        )
        for row, path in enumerate(shown(files, len(files), f"decoding {len(files):,} recordings, once")):
            clip = read_clip(path, form)
            waveforms[row] = clip.samples
            changes.update(clip.changes)
        waveforms.flush()
        np.save(staging / "changes.npy", np.array([changes[name] for name in CHANGES]))
