"""Spectrograms as the mixup paper's for Speech Commands: 160 frequencies by 101 frames for a second at 16 kHz."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mixupe.data.speech.log_mel import FrontEnd, hop_length


@dataclass(frozen=True)
class LogSpectrogram(FrontEnd):
    """20 ms Hamming windows every 10 ms, log(1 + magnitude), each recording to mean 0 and standard deviation 1.

    160 bands at 16 kHz: the highest, half the sampling rate, is left out. Silence is 0 before normalisation, so a
    recording that was padded with silence is a spectrogram that is padded with zeros.
    """

    sample_rate: int

    @property
    def bands(self) -> int:
        return hop_length(self.sample_rate)

    def __call__(self, waveforms: Tensor) -> Tensor:
        window = 2 * self.bands
        with torch.autocast(waveforms.device.type, enabled=False):
            spectrum = torch.stft(
                waveforms,
                window,
                hop_length=self.bands,
                window=torch.hamming_window(window, device=waveforms.device),
                return_complex=True,
            )
            values = spectrum[:, :-1].abs().log1p()
            std, mean = torch.std_mean(values, dim=(1, 2), keepdim=True)
            # Silence has no deviation; it stays 0.
            return ((values - mean) / std.clamp_min(1e-6)).unsqueeze(1)

    def frames(self, samples: int) -> int:
        return 1 + samples // self.bands

    def statistics(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - normalised one by one
        """Mean 0 and std 1: recordings are normalised already."""
        return torch.zeros(self.bands), torch.ones(self.bands)
