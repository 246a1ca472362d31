"""The two random draws of a mixup step: lam and perm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def draw_lam(alpha: float, generator: torch.Generator | None = None) -> Tensor:
    """One lam ~ Beta(alpha, alpha) for the whole batch.

    Drawn as the ratio of two gamma variates in log space, log G(a) = log G(a + 1) + log(U) / a, so that a small alpha
    cannot underflow to 0 / 0.

    Args:
        alpha: > 0.
        generator: where the randomness comes from; None takes torch's global one.

    Returns:
        0-d float64 tensor in [0, 1] on the generator's device (CPU for None). A tensor, not a float: a float would make
        a compiled step recompile for every value.
    """
    import torch

    device = generator.device if generator is not None else torch.device("cpu")
    import torch

    shape = torch.full((2,), alpha + 1, dtype=torch.float64, device=device)
    return lam_of(*draw_variates(shape, generator), alpha)


def draw_variates(shape: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """What one lam is made of: two uniform and two gamma variates, each (2,) float64; `shape` is (2,), alpha + 1 twice."""
    import torch

    uniform = torch.rand(2, dtype=torch.float64, device=shape.device, generator=generator)
    # torch.distributions draws from the same function but cannot be given a generator.
    return uniform, torch._standard_gamma(shape, generator=generator)


def lam_of(uniform: Tensor, gamma: Tensor, alpha: float | Tensor) -> Tensor:
    """lam (...) of variates (..., 2); alpha is a number, or (..., 1)."""
    import torch

    log_gamma = gamma.log() + uniform.clamp_min(1e-300).log() / alpha
    return torch.sigmoid(log_gamma[..., 0] - log_gamma[..., 1])


def draw_of(alpha: float) -> Callable[[int, torch.Generator | None], tuple[Tensor, Tensor, Tensor]]:
    """(B, generator) -> what `draw_lam` and then `draw_perm` draw: the variates for `lam_of`, and perm."""
    import torch

    shape = torch.full((2,), alpha + 1, dtype=torch.float64)
    return lambda batch, generator: (*draw_variates(shape, generator), draw_perm(batch, generator))


def draw_perm(batch: int, generator: torch.Generator | None = None) -> Tensor:
    """A random permutation of the batch: (B,) int64 on the generator's device (CPU for None)."""
    import torch

    device = generator.device if generator is not None else torch.device("cpu")
    return torch.randperm(batch, generator=generator, device=device)
