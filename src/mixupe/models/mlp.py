"""A multi-layer perceptron for feature vectors: Linear - ReLU - Dropout blocks and a linear classifier."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.base import ModelSettings
from mixupe.settings import PositiveInt

DOMAINS = ("tabular",)


class Config(ModelSettings):
    """Attributes:
    hidden: width of each hidden layer.
    dropout: probability of dropping a hidden unit, in [0, 1).
    """

    hidden: tuple[PositiveInt, ...] = (128, 128)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class MLP(nn.Module):
    """(B, D) float -> (B, K) logits."""

    def __init__(self, features: int, classes: int, hidden: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        widths = (features, *hidden)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(dropout)) for a, b in pairwise(widths)
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        logits: Tensor = self.head(x)
        return logits


def build(config: Config, spec: DataSpec) -> nn.Module:
    (features,) = spec.input_shape
    return MLP(features, spec.num_classes, config.hidden, config.dropout)
