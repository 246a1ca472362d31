"""Derivatives of a network along segments from an example to another, by nested forward-mode differentiation.

Order k costs several times order k - 1 (orders 1 to 4: 9, 23, 69 and 135 forward passes), with the memory of a forward pass.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.func import jvp

# Step of the finite differences, small enough that few ReLUs change within it.
_STEP = 1e-6
_TOLERANCE = 1e-3

# What is differentiated: a 0-d position on all segments -> a tensor whose first axis are the segments.
Path = Callable[[Tensor], Tensor]


def along(f: Callable[[Tensor], Tensor], x: Tensor, direction: Tensor) -> Path:
    """a -> f(x + a direction), for x and direction (P, ...)."""
    return lambda a: f(x + a * direction)


def derivatives(path: Path, order: int) -> list[Tensor]:
    """path(0) and its derivatives there, orders 1 to `order`, exact up to rounding: (P, ...) each, of P segments.

    A custom autograd.Function in the path gives zeros from order 2 on, torch's layer_norm wrong numbers, and torch says
    nothing: see `check_derivatives`.
    """
    at = torch.zeros((), dtype=torch.float64)
    found = []
    for _ in range(order + 1):
        found.append(path(at))
        path = partial(_derivative, path)
    return found


def _derivative(path: Path, a: Tensor) -> Tensor:
    tangent: Tensor = jvp(path, (a,), (torch.ones_like(a),))[1]
    return tangent


def check_derivatives(path: Path) -> None:
    """Compare the first and the second derivative at 0 with finite differences, on the typical segment.

    The path must be in float64. Segments on which a ReLU changes within the step differ rightly, so the median counts.

    Raises:
        ValueError: a derivative is wrong.
    """
    _, first, second = derivatives(path, 2)
    step = torch.tensor(_STEP, dtype=torch.float64)
    slope = partial(_derivative, path)
    _check(1, first, (path(step) - path(-step)) / (2 * step), scale=first)
    _check(2, second, (slope(step) - slope(-step)) / (2 * step), scale=first)


def _check(order: int, found: Tensor, expected: Tensor, scale: Tensor) -> None:
    def size(tensor: Tensor) -> Tensor:
        found: Tensor = torch.linalg.vector_norm(tensor.flatten(1), dim=1)
        return found

    # Differences of order 2 cannot be told from rounding below a small part of the slope.
    reference = size(expected).clamp_min(_TOLERANCE * size(scale)) + torch.finfo(torch.float64).tiny
    off = float((size(found - expected) / reference).detach().median())
    if not off < _TOLERANCE:
        raise ValueError(
            f"model: its forward-mode derivatives of order {order} are wrong, off by {off:.2g} of what finite differences"
            " give; a custom autograd.Function or torch's layer_norm do that, plain operations are needed"
        )


def is_piecewise_linear(path: Path) -> bool:
    """Whether the path's second derivative at 0 is 0 on all segments, as for networks of ReLU and max-pooling."""
    _, first, second = derivatives(path, 2)
    return bool(second.abs().max() <= 1e-9 * first.abs().max())
