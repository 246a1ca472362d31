"""How far mixup moves: a ~ Beta(alpha, alpha + 1), whose moments weigh the series and whose expectation is the exact loss.

Mixup's loss over all pairs mixes two labels with lam ~ Beta(alpha, alpha); by symmetry it is the loss with the label of
x_i alone and a = 1 - lam from this distribution.
"""

import torch
from scipy.special import roots_jacobi
from torch import Tensor

from mixupe.augmentation.checks import check_alpha

# Beyond, rounding spoils the nodes: their moments are off by 1e-5 and more, or not a number.
LEAST_ALPHA, GREATEST_ALPHA = 1e-8, 1e8


def moments(alpha: float, order: int) -> Tensor:
    """E[a^k] for k = 1 to `order`, (order,) float64; the first is MixupE's c, the second c / 2.

    Raises:
        ValueError: alpha is not a finite number > 0.
    """
    check_alpha(alpha)
    r = torch.arange(order, dtype=torch.float64)
    return ((alpha + r) / (2 * alpha + 1 + r)).cumprod(dim=0)


def quadrature(alpha: float, count: int) -> tuple[Tensor, Tensor]:
    """Gauss-Jacobi nodes in [0, 1] and weights that sum to 1, (count,) float64 each: E[g(a)] = sum of weights g(nodes).

    Exact for polynomials up to degree 2 count - 1, whatever the density does at its ends.

    Raises:
        ValueError: alpha does not lie in [LEAST_ALPHA, GREATEST_ALPHA].
    """
    check_alpha(alpha)
    if not LEAST_ALPHA <= alpha <= GREATEST_ALPHA:
        raise ValueError(f"alpha: must lie in [{LEAST_ALPHA:g}, {GREATEST_ALPHA:g}] for the quadrature, got {alpha:g}")
    nodes, weights = roots_jacobi(count, alpha, alpha - 1)
    return (1 + torch.from_numpy(nodes)) / 2, torch.from_numpy(weights / weights.sum())
