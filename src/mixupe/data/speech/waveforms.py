"""Recordings that fit in memory: int16 on the device; shift, gain, spectrogram and normalisation are batched there."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from mixupe.data.base import DataBundle, DataRequest, DataSpec
from mixupe.data.speech.audio_files import Int16
from mixupe.data.speech.log_mel import FrontEnd, LogMel, to_float
from mixupe.data.speech.log_spectrogram import LogSpectrogram
from mixupe.data.speech.settings import WaveformSettings
from mixupe.data.splits import Examples, Indices
from mixupe.data.tensors import DeviceSplit
from mixupe.errors import UserError

# Normalisation statistics come from at most that many training recordings, evenly spaced.
STATISTICS_SAMPLE = 4096


@dataclass(frozen=True)
class Waveforms(DeviceSplit):
    """A split of recordings; the model sees normalised spectrograms (B, 1, bands, frames).

    Attributes:
        waveforms: (N, T) int16.
        targets: (N,) int64.
        mean, std: (bands,) float32 of the spectrograms of the training split.
        front_end: makes the spectrograms.
        time_shift: largest shift in samples; used only where a batch is asked for with a generator, as is gain.
        gain: largest change in dB.
    """

    waveforms: Tensor
    targets: Tensor
    mean: Tensor
    std: Tensor
    front_end: FrontEnd
    time_shift: int = 0
    gain: float = 0.0

    def inputs_at(self, index: Tensor, augment: torch.Generator | None) -> Tensor:
        waveforms = self.waveforms[index]
        if augment is not None and self.time_shift > 0:
            waveforms = random_shift(waveforms, self.time_shift, augment)
        signal = to_float(waveforms)
        if augment is not None and self.gain > 0:
            signal = random_gain(signal, self.gain, augment)
        return self._normalise(self.front_end(signal))

    def _normalise(self, spectrograms: Tensor) -> Tensor:
        return (spectrograms - self.mean[:, None]) / self.std[:, None]

    def mean_input(self) -> Tensor:
        # Normalisation is affine, so the mean of the spectrograms is enough.
        total = torch.zeros((), dtype=torch.float64, device=self.waveforms.device)
        for spectrograms in self.front_end.chunks(self.waveforms):
            total = total + spectrograms.sum(dim=0, dtype=torch.float64)
        return self._normalise((total / len(self.waveforms)).float())


def random_shift(waveforms: Tensor, largest: int, generator: torch.Generator) -> Tensor:
    """Move each row of (B, T), any dtype, by its own number of samples in [-largest, largest]; silence comes in."""
    batch, samples = waveforms.shape
    device = waveforms.device
    offsets = torch.randint(2 * largest + 1, (batch, 1), generator=generator, device=generator.device)
    columns = offsets.to(device, non_blocking=True) + torch.arange(samples, device=device)
    return F.pad(waveforms, (largest, largest)).gather(1, columns)


def random_gain(signal: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Scale each row of (B, T) float32 by its own factor, uniform in dB in [-largest, largest]."""
    draw = torch.rand(len(signal), 1, generator=generator, device=generator.device)
    factors: Tensor = 10 ** ((2 * draw - 1) * largest / 20)
    return signal * factors.to(signal.device, non_blocking=True)


def waveform_bundle(
    waveforms: Int16, examples: Examples, settings: WaveformSettings, request: DataRequest
) -> DataBundle:
    """Split recordings and find the training statistics.

    Args:
        waveforms: (N, T); may be mapped from disk.
        examples: N of them; equal recordings stay on one side whatever their groups.

    Raises:
        UserError: a class is too small to split, a setting does not fit the clips' length, or the samples are of another
            type.
    """
    if waveforms.dtype != np.int16 or waveforms.ndim != 2:  # floats would be divided as if they were whole numbers
        raise UserError(
            f"dataset: recordings of {settings.name} must be int16 of shape (N, T), got {waveforms.dtype} of"
            f" {waveforms.shape}"
        )
    if settings.time_shift >= settings.seconds:
        raise UserError(
            f"dataset.time_shift: must be less than dataset.seconds={settings.seconds}, got {settings.time_shift}"
        )
    if examples.test is None or examples.validation is None:
        groups = np.arange(len(waveforms)) if examples.groups is None else examples.groups
        examples = replace(examples, groups=joined(equal_rows(waveforms), groups))
    indexes = examples.split(settings, request)
    front_end = front_end_of(settings)
    count = len(indexes.train)
    sample = indexes.train[np.linspace(0, count - 1, min(count, STATISTICS_SAMPLE)).astype(np.int64)]
    mean, std = front_end.statistics(torch.from_numpy(waveforms[sample]))

    def split(part: Indices) -> Waveforms:
        return Waveforms(
            waveforms=torch.from_numpy(waveforms[part]),
            targets=torch.from_numpy(examples.labels[part]),
            mean=mean,
            std=std,
            front_end=front_end,
            time_shift=round(settings.time_shift * settings.sample_rate),
            gain=settings.gain,
        )

    shape = (1, front_end.bands, front_end.frames(waveforms.shape[1]))
    preparation = {"seconds": waveforms.shape[1] / settings.sample_rate, "mean": mean, "std": std}
    return indexes.bundle(DataSpec("speech", examples.class_names, shape), split, examples.notes, preparation)


def front_end_of(settings: WaveformSettings) -> FrontEnd:
    if settings.features == "spectrogram":
        return LogSpectrogram(settings.sample_rate)
    return LogMel(settings.sample_rate, settings.mels)


def equal_rows(waveforms: Int16) -> npt.NDArray[np.int64]:
    """(N,) ids of the rows of (N, T), equal where rows are."""
    ids: dict[bytes, int] = {}
    digests = (hashlib.sha256(row.tobytes()).digest() for row in waveforms)
    return np.array([ids.setdefault(digest, len(ids)) for digest in digests], dtype=np.int64)


def joined(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(N,) ids of the finest grouping that keeps together what either of two groupings keeps together."""
    a = np.unique(np.asarray(first), return_inverse=True)[1]
    b = np.unique(np.asarray(second), return_inverse=True)[1] + a.max() + 1
    nodes = int(b.max()) + 1
    # A graph of groups, with an edge for each example that is in both.
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(nodes, nodes))
    component: npt.NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return component[a]
