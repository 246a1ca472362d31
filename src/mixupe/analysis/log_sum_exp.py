"""Cross-entropy along a straight line of logits, z + a u: its Taylor series to any order, and how far that converges.

Logits of a network of ReLU and max-pooling are straight lines around every point, so one derivative of the network gives all
orders of its loss. With p = softmax(z), cross-entropy is log S(a) - a u_y + a constant, S(a) = sum_c p_c exp(a u_c): the
cumulant generating function of u under p. It is analytic up to the zero of S nearest to 0.
"""

import math

import torch
from torch import Tensor

# Power series this long tell the nearest zero of S from the next ones.
_TERMS = 200
# How far the nearest zero may be from what the growth of the coefficients says; else that counts.
_GROWTH_TOLERANCE = 0.05


def taylor_coefficients(logits: Tensor, slope: Tensor, y: Tensor, order: int) -> Tensor:
    """phi^(k)(0) / k! for k = 1 to `order`, (order, P), of phi(a) = cross-entropy(logits + a slope, y).

    Args:
        logits, slope: (P, K) float64.
        y: (P,) class indices.
        order: >= 1.
    """
    p = logits.softmax(dim=1)
    mean = (p * slope).sum(dim=1)
    s = _power_series(p, slope - mean[:, None], order)
    # log S by l_k = s_k - sum_j (j / k) l_j s_{k - j}; shifting u by its mean keeps the numbers small.
    coefficients = [torch.zeros_like(mean)]
    for k in range(1, order + 1):
        rest = sum((j / k * coefficients[j] * s[k - j] for j in range(1, k)), torch.zeros_like(mean))
        coefficients.append(s[k] - rest)
    coefficients[1] = coefficients[1] + mean - slope.gather(1, y[:, None]).squeeze(1)
    return torch.stack(coefficients[1:])


def convergence_radius(logits: Tensor, slope: Tensor) -> Tensor:
    """How far from 0 the series of `taylor_coefficients` converges, (P,) float64; infinite where the loss is straight too.

    1 is the partner's place: below it the series diverges on part of the segment. Two classes with logits that differ by z0
    and slopes by u have sqrt(z0^2 + pi^2) / |u|.

    Args:
        logits, slope: (P, K) float64.
    """
    p = logits.softmax(dim=1)
    # Measured in pi / (largest minus smallest slope), below which S has no zero.
    unit = math.pi / (slope.amax(dim=1) - slope.amin(dim=1))
    u = (slope - (p * slope).sum(dim=1, keepdim=True)) * unit[:, None]
    u = u.nan_to_num(0, 0, 0)
    d = _logarithmic_derivative(p, u)
    size = d[-_TERMS // 4 :].abs()
    orders = torch.arange(len(d) - len(size), len(d), dtype=torch.float64)[:, None] + 1
    growth = (size.log() / orders).amax(dim=0).exp()
    radius = 1 / growth
    zero = _nearest_zero(p, u, d, radius)
    exact = (zero.abs() / radius - 1).abs() < _GROWTH_TOLERANCE
    return torch.where(exact, zero.abs(), radius) * unit


def _power_series(p: Tensor, u: Tensor, order: int) -> list[Tensor]:
    """Coefficients 0 to `order` of sum_c p_c exp(a u_c), (P,) each."""
    power = p
    found = [p.sum(dim=1)]
    for k in range(1, order + 1):
        power = power * u / k
        found.append(power.sum(dim=1))
    return found


def _logarithmic_derivative(p: Tensor, u: Tensor) -> Tensor:
    """Coefficients of S'/S, (_TERMS, P): minus the sums of the zeros' inverse powers."""
    s = torch.stack(_power_series(p, u, _TERMS))
    d = torch.zeros(_TERMS, len(p), dtype=p.dtype)
    for k in range(_TERMS):
        d[k] = (k + 1) * s[k + 1] - (d[:k] * s[1 : k + 1].flip(0)).sum(dim=0)
    return d


def _nearest_zero(p: Tensor, u: Tensor, d: Tensor, radius: Tensor) -> Tensor:
    """The zero of S next to 0, complex (P,), by Newton's method; started where two conjugate zeros give the last d."""
    # d_k = 2 Re(w) d_{k-1} - |w|^2 d_{k-2}, w the inverse of the zero; scaled so that all d are of one size.
    at = torch.arange(_TERMS - 4, _TERMS, dtype=d.dtype)[:, None]
    a, b, c, e = d[-4:] * radius ** (at + 1)
    determinant = b * b - a * c
    twice_real, square = (b * c - a * e) / determinant, (c * c - b * e) / determinant
    zero = radius / torch.complex(twice_real / 2, (square - twice_real**2 / 4).clamp_min(0).sqrt())
    for _ in range(30):
        terms = p * torch.exp(zero[:, None] * u)
        zero = zero - terms.sum(dim=1) / (terms * u).sum(dim=1)
    return zero
