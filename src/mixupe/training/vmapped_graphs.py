"""Layers of a graph network whose S runs see the same graphs; as `vmapped_layers`, of which they are more.

What is known of nodes has the runs as first axis, (S, N, F), but lies in memory as (N, S, F): so sums over neighbours are
one sparse product for all runs, and BatchNorm is one call on S * F channels. Each run has what it would have alone, bit for
bit where the linear algebra library rounds alike.
"""

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GINConv, SumAggregation

from mixupe.augmentation.over_runs import is_batched, over_runs
from mixupe.models.gin5 import GIN5, SumReadout
from mixupe.training.vmapped_layers import Replacements

# What a network may be made of, besides `stackable.LAYERS`; SumAggregation is a part of GINConv.
GRAPH_LAYERS = (GIN5, GINConv, SumAggregation, SumReadout, nn.BatchNorm1d)


class _Sums:
    """Sums over neighbours: row t of the result is the sum of the rows s of x for all pairs (s, t)."""

    def __init__(self) -> None:
        # Of the pairs last seen: all layers ask for the same.
        self._of: tuple[object, torch.dtype] | None = None
        self._matrices: tuple[Tensor, Tensor]

    def __call__(self, x: Tensor, of: Tensor, sources: Tensor, targets: Tensor, rows: int) -> Tensor:
        """(rows, F) of x (N, F), within torch.vmap; `of` is the tensor that tells these pairs from others."""
        if self._of is None or self._of[0] is not of or self._of[1] != x.dtype:
            self._of = of, x.dtype
            self._matrices = (
                _matrix(targets, sources, rows, len(x), x.dtype),
                _matrix(sources, targets, len(x), rows, x.dtype),
            )
        if is_batched(x):
            return over_runs(_Product.apply, x, *self._matrices)
        return _product(self._matrices[0], x.unsqueeze(0)).squeeze(0)


class _GINConv(nn.Module):
    """GINConv with an epsilon that is not trained."""

    eps: Tensor

    def __init__(self, layer: GINConv, sums: _Sums) -> None:
        super().__init__()
        self.nn = layer.nn
        self.register_buffer("eps", layer.eps)
        self._own = 1 + float(layer.eps)
        self._sums = sums

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        neighbours = self._sums(x, edge_index, edge_index[0], edge_index[1], len(x))
        result: Tensor = self.nn(torch.add(neighbours, x, alpha=self._own))
        return result


class _SumReadout(nn.Module):
    """Layer by layer, so that what is known of nodes is never copied side by side."""

    def __init__(self) -> None:
        super().__init__()
        self._sums = _Sums()

    def forward(self, nodes: list[Tensor], batch: Tensor, graphs: int) -> Tensor:
        places = torch.arange(len(batch), device=batch.device)
        return torch.cat([self._sums(layer, batch, places, batch, graphs) for layer in nodes], dim=1)


class _BatchNorm(nn.Module):
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layer: nn.BatchNorm1d) -> None:
        super().__init__()
        assert layer.momentum is not None
        self.weight, self.bias, self.momentum, self.eps = layer.weight, layer.bias, layer.momentum, layer.eps
        for name, buffer in layer.named_buffers():
            self.register_buffer(name, buffer)

    def forward(self, x: Tensor) -> Tensor:
        statistics = self.running_mean, self.running_var, self.num_batches_tracked
        return over_runs(self._normalised, x, self.weight, self.bias, *statistics)

    def _normalised(self, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, count: Tensor) -> Tensor:
        """Of x (S, N, F) and (S, F) each; `count` is (S,)."""
        if self.training:
            count += 1
        # Flattened, contiguous tensors are views: the running statistics change in place.
        mean, var, weight, bias = mean.flatten(), var.flatten(), weight.flatten(), bias.flatten()
        normalised = F.batch_norm(_flat(x), mean, var, weight, bias, self.training, self.momentum, self.eps)
        return _of_runs(normalised, len(x))


class _Product(torch.autograd.Function):
    """matrix (M, N) times each run's x (S, N, F); `transposed` is (N, M)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        return _product(matrix, x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        return _product(ctx.transposed, gradients[0]), None, None


def _product(matrix: Tensor, x: Tensor) -> Tensor:
    flat = _flat(x)
    # On a CPU the sum of neighbours by this name is the faster, and adds up in the order of the edges as one run does.
    product = torch.sparse.mm(matrix, flat, "sum") if x.device.type == "cpu" else matrix @ flat
    return _of_runs(product, len(x))


def _flat(x: Tensor) -> Tensor:
    """(N, S * F), a view where it lies so in memory."""
    return x.transpose(0, 1).flatten(1)


def _of_runs(flat: Tensor, runs: int) -> Tensor:
    return flat.reshape(len(flat), runs, -1).transpose(0, 1)


def _matrix(rows: Tensor, columns: Tensor, height: int, width: int, dtype: torch.dtype) -> Tensor:
    """The sparse matrix with a 1 at each of these places, (E,) int64 each."""
    order = rows.argsort(stable=True)
    ends = rows.bincount(minlength=height).cumsum(0)
    ones = torch.ones(len(rows), dtype=dtype, device=rows.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse (CSR|invariant)")  # that it is beta, and not checked
        return torch.sparse_csr_tensor(
            F.pad(ends, (1, 0)), columns[order], ones, (height, width), check_invariants=False
        )


def graph_layers() -> Replacements:
    """What `vmappable` puts in the place of a graph network's layers."""
    sums = _Sums()
    return {
        GINConv: lambda layer: _GINConv(layer, sums),
        nn.BatchNorm1d: _BatchNorm,
        SumReadout: lambda _: _SumReadout(),
    }
