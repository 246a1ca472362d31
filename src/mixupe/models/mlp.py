"""A multi-layer perceptron for feature vectors: Linear - ReLU - Dropout blocks and a linear classifier."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from mixupe.data.base import DataSpec
from mixupe.models.dropout import Dropout
from mixupe.models.settings import MLPSettings


class BlockEmbedding(nn.Module):
    """(B, D) with one-hot blocks -> (B, numeric columns + blocks * dim): an embedding of each block, the rest as it is.

    Linear without bias in the block, so interpolated categories have interpolated embeddings.
    """

    numeric: Tensor

    def __init__(self, features: int, blocks: Sequence[tuple[int, int]], dim: int) -> None:
        super().__init__()
        self.blocks = tuple(blocks)
        self.embeddings = nn.ModuleList(nn.Linear(stop - start, dim, bias=False) for start, stop in self.blocks)
        in_a_block = {column for start, stop in self.blocks for column in range(start, stop)}
        numeric = [column for column in range(features) if column not in in_a_block]
        # A buffer: indexing with a list would copy it to the device in every step.
        self.register_buffer("numeric", torch.tensor(numeric, dtype=torch.int64), persistent=False)
        self.width = len(numeric) + dim * len(self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        embedded = [
            embed(x[..., start:stop]) for (start, stop), embed in zip(self.blocks, self.embeddings, strict=True)
        ]
        return torch.cat([x[..., self.numeric], *embedded], dim=-1)


class MLP(nn.Module):
    """(B, D) float -> (B, K) logits."""

    def __init__(
        self,
        features: int,
        classes: int,
        hidden: tuple[int, ...],
        dropout: float = 0.0,
        embedding: BlockEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        widths = (features if embedding is None else embedding.width, *hidden)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(a, b), nn.ReLU(), Dropout(dropout)) for a, b in pairwise(widths)
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        if self.embedding is not None:
            x = self.embedding(x)
        for layer in self.layers:
            x = layer(x)
        logits: Tensor = self.head(x)
        return logits


def build(config: MLPSettings, spec: DataSpec) -> nn.Module:
    (features,) = spec.input_shape
    embedding = None
    if config.categorical == "embedding" and spec.categorical_blocks:
        embedding = BlockEmbedding(features, spec.categorical_blocks, config.embedding_dim)
    return MLP(features, spec.num_classes, config.hidden, config.dropout, embedding)
