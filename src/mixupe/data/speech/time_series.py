"""Time series from the package sktime: recorded vowels, and series of sensors, outlines and power meters.

The two files of a set are pooled and split anew by the seed, so that every set is tested alike. A series is given to the
networks for recordings: its dimensions, or with `patch` so many consecutive values of each, are the rows of a frame.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from mixupe.data.base import DataBundle, DataRequest, DataSpec
from mixupe.data.packages import package_path
from mixupe.data.speech.settings import TimeSeries
from mixupe.data.splits import Examples, Indices
from mixupe.data.tensors import TensorSplit
from mixupe.errors import UserError

Float32 = npt.NDArray[np.float32]


def load(config: TimeSeries, request: DataRequest) -> DataBundle:
    folder = package_path("sktime", request.root) / "sktime" / "datasets" / "data" / config.sktime_name
    series, words = [], []
    for part in ("TRAIN", "TEST"):
        read = _read(folder / f"{config.sktime_name}_{part}.ts")
        series += [values for values, _ in read]
        words += [word for _, word in read]
    names = tuple(sorted(set(words), key=lambda word: (len(word), word)))
    labels = np.array([names.index(word) for word in words], dtype=np.int64)
    copies = {values.tobytes(): number for number, values in enumerate(series)}
    groups = np.array([copies[values.tobytes()] for values in series])
    indexes = Examples(labels=labels, class_names=names, groups=groups).split(config, request)

    # Statistics per dimension from the training values that are there, not from padding.
    training = np.concatenate([series[row] for row in indexes.train], axis=1).astype(np.float64)
    mean, std = training.mean(axis=1, keepdims=True), np.maximum(training.std(axis=1, keepdims=True), 1e-12)
    frames = -(-max(values.shape[1] for values in series) // config.patch)
    inputs = torch.from_numpy(np.stack([_framed((values - mean) / std, config.patch, frames) for values in series]))
    targets = torch.from_numpy(labels)

    def split(part: Indices) -> TensorSplit:
        return TensorSplit(inputs[part], targets[part])

    notes = ("the set's training and test files are pooled, and split anew by the seed",)
    return indexes.bundle(DataSpec("speech", names, tuple(inputs.shape[1:])), split, notes)


def _read(path: Path) -> list[tuple[Float32, str]]:
    """Each series, (dimensions, length), with its class: a line `1.5,2.5:0.1,0.2:name` of a .ts file is one of them.

    Raises:
        UserError: the file is missing, or no such lines follow `@data`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        start = [line.strip().lower() for line in lines].index("@data") + 1
        found = []
        for line in filter(str.strip, lines[start:]):
            *dimensions, word = line.strip().split(":")
            found.append((np.array([dimension.split(",") for dimension in dimensions], dtype=np.float32), word))
    except (OSError, ValueError) as error:
        raise UserError(f"dataset: {path} cannot be read ({error}); delete it and fetch it again") from error
    if not found or any(values.ndim != 2 or not np.isfinite(values).all() for values, _ in found):
        raise UserError(f"dataset: {path} has a series without values; delete it and fetch it again")
    return found


def _framed(values: npt.NDArray[np.float64], patch: int, frames: int) -> Float32:
    """(dimensions, length) -> (1, dimensions * patch, frames); zeros, the mean, after the end."""
    padded = np.zeros((len(values), frames * patch), dtype=np.float32)
    padded[:, : values.shape[1]] = values
    return padded.reshape(len(values), frames, patch).transpose(0, 2, 1).reshape(1, len(values) * patch, frames)
