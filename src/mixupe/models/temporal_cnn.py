"""A small convolutional network over time: the coefficients or mel bands of a frame are its channels.

Neighbouring cepstral coefficients are not alike as neighbouring pixels are, so convolving over them gains nothing;
mean and maximum over time make short and long recordings comparable.
"""

import torch
from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.settings import TemporalCNNSettings


class TemporalCNN(nn.Module):
    """(B, 1, mels, frames) float -> (B, K) logits, for any number of frames."""

    def __init__(self, mels: int, classes: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        widths = (mels, *channels)
        self.blocks = nn.ModuleList(
            _block(widths[i], widths[i + 1], pool=i + 1 < len(channels)) for i in range(len(channels))
        )
        self.head = nn.Linear(2 * channels[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = x.squeeze(1)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=1))
        return logits


def _block(in_channels: int, out_channels: int, pool: bool) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv1d(in_channels, out_channels, 5, padding=2),
        nn.BatchNorm1d(out_channels),
        nn.ReLU(),
    ]
    if pool:
        layers.append(nn.MaxPool1d(2, ceil_mode=True))
    return nn.Sequential(*layers)


def build(config: TemporalCNNSettings, spec: DataSpec) -> nn.Module:
    _, mels, _ = spec.input_shape
    return TemporalCNN(mels, spec.num_classes, config.channels)
