"""Free Spoken Digit Dataset as recordings: ten digits, six speakers, and nobody is heard both in training and in test."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixupe.data.archives import unpacked
from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.speech.clip_cache import recordings_bundle
from mixupe.data.speech.settings import FreeSpokenDigits
from mixupe.data.splits import Examples, Indices
from mixupe.errors import UserError

FOLDER = "free_spoken_digits"
DIGITS = tuple("0123456789")

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_\d+\.(flac|wav)", re.IGNORECASE)


def is_here(config: FreeSpokenDigits, root: Path) -> bool:
    return (config.path or root / FOLDER / "recordings").exists()


def fetch(config: FreeSpokenDigits, root: Path) -> None:
    """Raises UserError where the recordings are not there: no package has them."""
    if is_here(config, root):
        return
    if config.path is not None:
        raise UserError(f"dataset.path: {config.path} is not there")
    raise UserError(
        f"dataset: {root / FOLDER / 'recordings'} is not there; get the Free Spoken Digit Dataset from its authors and put"
        " its folder `recordings` there, or give that folder or an archive of it as dataset.path"
    )


def load(config: FreeSpokenDigits, request: DataRequest) -> DataBundle:
    fetch(config, request.root)
    folder, files = _recordings(config, request.root)
    matches = [_NAME.fullmatch(file.name) for file in files]
    labels = np.array([int(match["digit"]) for match in matches if match])
    speakers = np.array([match["speaker"] for match in matches if match])
    _check_speakers(folder, labels, speakers, request)
    examples = Examples(labels=labels, class_names=DIGITS, groups=speakers)
    indexes = examples.split(config, request)
    heard = {
        part: ", ".join(np.unique(speakers[index]))
        for part, index in (("training", indexes.train), ("validation", indexes.validation), ("test", indexes.test))
    }
    notes = (f"speakers: {'; '.join(f'{part} {names}' for part, names in heard.items())}",)
    parts = replace(examples, groups=None, validation=indexes.validation, test=indexes.test, notes=notes)
    return recordings_bundle(folder, files, parts, config, request)


def _recordings(config: FreeSpokenDigits, root: Path) -> tuple[Path, list[Path]]:
    """The folder that holds the recordings, and they, by name whatever their format."""
    folder = config.path or root / FOLDER
    if not folder.is_dir():
        folder = unpacked(folder, root / "cache" / FOLDER)
    for place in (folder, folder / "recordings", *sorted(folder.glob("*/recordings"))):
        files = sorted((path for path in place.glob("*") if _NAME.fullmatch(path.name)), key=lambda path: path.stem)
        if not files:
            continue
        if config.recordings not in (None, len(files)):
            raise UserError(
                f"dataset: {place} holds {len(files):,} recordings instead of {config.recordings:,}; get the set again, or"
                " set dataset.recordings=null to take what is there"
            )
        return place, files
    raise UserError(
        f"dataset: {config.path or folder} holds no <digit>_<speaker>_<n>.flac or .wav, nor a folder `recordings` with such"
        " files"
    )


def _check_speakers(folder: Path, labels: Indices, speakers: npt.NDArray[np.str_], request: DataRequest) -> None:
    """A speaker for each part, each with every digit, so that every part has every class."""
    names = np.unique(speakers)
    needed = 3 if request.protocol == "heldout" else 2
    if len(names) < needed:
        raise UserError(f"dataset: {folder} has {len(names)} speaker(s), at least {needed} are needed")
    for name in names:
        if len(missing := np.setdiff1d(np.arange(len(DIGITS)), labels[speakers == name])):
            raise UserError(f"dataset: {folder} has no {missing[0]} of the speaker {name}")
