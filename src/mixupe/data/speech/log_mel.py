"""Log-mel spectrograms, computed in batches wherever the waveforms are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

# Added to the mel energy of samples in [-1, 1] before the logarithm: silence is about -14.
FLOOR = 1e-6
CHUNK = 256


class FrontEnd(ABC):
    """From waveforms of `sample_rate` Hz to spectrograms."""

    sample_rate: int

    @property
    @abstractmethod
    def bands(self) -> int:
        """Rows of a spectrogram."""

    @abstractmethod
    def __call__(self, waveforms: Tensor) -> Tensor:
        """(B, T) float32 in [-1, 1] -> (B, 1, bands, frames) float32, also under autocast."""

    @abstractmethod
    def frames(self, samples: int) -> int:
        """Columns of the spectrogram of that many samples."""

    @abstractmethod
    def statistics(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and std, (bands,) float32, that (N, T) int16 training waveforms are normalised by."""

    def chunks(self, waveforms: Tensor) -> Iterator[Tensor]:
        """Spectrograms of (N, T) int16 waveforms, some at a time."""
        for chunk in torch.split(waveforms, CHUNK):
            yield self(to_float(chunk))


@dataclass(frozen=True)
class LogMel(FrontEnd):
    """25 ms windows every 10 ms, `mels` bands up to half the sampling rate, natural logarithm."""

    sample_rate: int
    mels: int

    @property
    def bands(self) -> int:
        return self.mels

    def __call__(self, waveforms: Tensor) -> Tensor:
        with torch.autocast(waveforms.device.type, enabled=False):
            energies: Tensor = _transform(self.sample_rate, self.mels, waveforms.device)(waveforms)
            return (energies + FLOOR).log().unsqueeze(1)

    def frames(self, samples: int) -> int:
        return 1 + samples // hop_length(self.sample_rate)

    def statistics(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:
        """Of each band over all frames."""
        total = torch.zeros(2, self.mels, dtype=torch.float64)
        count = 0
        for spectrograms in self.chunks(waveforms):
            values = spectrograms.double()
            total += torch.stack([values.sum((0, 1, 3)), values.square().sum((0, 1, 3))]).cpu()
            count += values.numel() // self.mels
        mean, square = total / count
        std = (square - mean.square()).clamp(min=0).sqrt()
        # A band that never changes (an empty filter) says nothing; dividing by rounding noise would blow it up.
        return mean.float(), torch.where(std > 1e-4, std, 1.0).float()


def to_float(waveforms: Tensor) -> Tensor:
    """int16 samples of any shape -> float32 in [-1, 1)."""
    return waveforms.float() / 32768


def hop_length(sample_rate: int) -> int:
    """Samples in 10 ms."""
    return round(0.010 * sample_rate)


@lru_cache(maxsize=8)
def _transform(sample_rate: int, mels: int, device: torch.device) -> MelSpectrogram:
    window = round(0.025 * sample_rate)
    transform = MelSpectrogram(
        sample_rate,
        n_fft=1 << (window - 1).bit_length(),
        win_length=window,
        hop_length=hop_length(sample_rate),
        n_mels=mels,
    )
    return transform.to(device)
