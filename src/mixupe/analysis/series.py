"""Mixup's loss as the clean loss plus a series, term by term, beside its exact value."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.analysis.beta import moments, quadrature
from mixupe.analysis.log_sum_exp import convergence_radius, taylor_coefficients
from mixupe.analysis.segment import Path, along, check_derivatives, derivatives, is_piecewise_linear

# Orders by nested forward-mode differentiation, and by the recursion that straight logits allow.
NESTED_ORDER = 4
STRAIGHT_ORDER = 30
NODES = 32
# Pairs whose derivatives are compared with finite differences.
CHECKED = 32


@dataclass(frozen=True)
class MixupSeries:
    """L_mix = L_std + sum over k of m_k T_k / k! + R_K, over P pairs of an example and a partner.

    Attributes:
        clean: L_std, mean cross-entropy of the examples as they are.
        mixed: L_mix, exact up to `mixed_error`.
        mixed_error: what halving the number of nodes changes.
        increase_error: standard error of mixed - clean, from the choice of the pairs.
        terms: (K,) m_k T_k / k! for k = 1 to K.
        term_errors: (K,) their standard errors, from the choice of the pairs.
        piecewise_linear: whether the logits are straight lines around every example.
        straight: L_mix if the logits went on straight, to which the series belongs; None for a smooth network.
        radius: (P,) radius of convergence of each pair; exact for straight logits, otherwise estimated from orders 3 and 4.
    """

    clean: float
    mixed: float
    mixed_error: float
    increase_error: float
    terms: Tensor
    term_errors: Tensor
    piecewise_linear: bool
    straight: float | None
    radius: Tensor

    @property
    def remainders(self) -> Tensor:
        """R_K for K = 0 to the last order, (K + 1,)."""
        partial = torch.cat([self.terms.new_tensor([self.clean]), self.terms]).cumsum(dim=0)
        return self.mixed - partial

    @property
    def shares(self) -> Tensor:
        """Each order's part of L_mix - L_std, (K,), signed; they need not sum to 1."""
        return self.terms / (self.mixed - self.clean)


def mixup_series(
    f: Callable[[Tensor], Tensor],
    x: Tensor,
    partner: Tensor,
    y: Tensor,
    alpha: float,
    nodes: int = NODES,
    order: int | None = None,
) -> MixupSeries:
    """The series of mixup's loss over P pairs.

    Args:
        f: maps (P, ...) float64 to logits (P, K), each row by itself; of plain operations, in evaluation mode.
        x, partner: (P, ...) float64, x_i and x_j of each pair.
        y: (P,) class indices of x.
        alpha: > 0, of Beta(alpha, alpha).
        nodes: of the Gauss-Jacobi quadrature.
        order: K, or None for 30 where the logits are straight lines and 4 elsewhere.

    Raises:
        ValueError: alpha is out of range, x is not float64, or forward-mode differentiation of f gives wrong numbers.
    """
    if x.dtype != torch.float64:
        raise ValueError(f"x: must be float64, for high orders need it, got {x.dtype}")
    logits_path = along(f, x, partner - x)
    with torch.no_grad():
        few = along(f, x[:CHECKED], (partner - x)[:CHECKED])
        check_derivatives(few)
        straight = is_piecewise_linear(few)
        if straight:
            logits, slope = derivatives(logits_path, 1)
            coefficients = taylor_coefficients(logits, slope, y, order or STRAIGHT_ORDER)
            radius = convergence_radius(logits, slope)
            straight_losses = _expected(lambda a: _losses(logits + a * slope, y), alpha, nodes)
        else:
            found = derivatives(lambda a: _losses(logits_path(a), y), order or NESTED_ORDER)
            factorials = torch.arange(1, len(found), dtype=torch.float64).cumprod(dim=0)
            coefficients = torch.stack(found[1:]) / factorials[:, None]
            radius = _growth_radius(coefficients)
        clean = _losses(f(x), y)
        mixed = _expected(lambda a: _losses(logits_path(a), y), alpha, nodes)
        coarse = _expected(lambda a: _losses(logits_path(a), y), alpha, nodes // 2)
    increase, by_pair = mixed - clean, moments(alpha, len(coefficients))[:, None] * coefficients
    return MixupSeries(
        clean=float(clean.mean()),
        mixed=float(mixed.mean()),
        mixed_error=float((mixed - coarse).mean().abs()),
        increase_error=float(increase.std() / len(increase) ** 0.5),
        terms=by_pair.mean(dim=1),
        term_errors=by_pair.std(dim=1) / len(increase) ** 0.5,
        piecewise_linear=straight,
        straight=float(straight_losses.mean()) if straight else None,
        radius=radius,
    )


def _losses(logits: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(logits, y, reduction="none")


def _expected(path: Path, alpha: float, count: int) -> Tensor:
    """E[path(a)], (P,)."""
    nodes, weights = quadrature(alpha, count)
    return sum(
        (weight * path(a) for a, weight in zip(nodes, weights, strict=True)), torch.zeros((), dtype=torch.float64)
    )


def _growth_radius(coefficients: Tensor) -> Tensor:
    """An estimate of the radius from the last two orders; a loss has logarithmic singularities, so c_k grows as r^-k / k."""
    orders = torch.arange(1, len(coefficients) + 1, dtype=torch.float64)[:, None]
    growth = (orders * coefficients.abs()) ** (1 / orders)
    return 1 / growth[-2:].amax(dim=0)
