"""MixupE's penalty R and how it joins the loss: the paper's two forms, and the four of the authors' public code.

Every function works on one run, logits (B, K), or on S runs at once, logits (S, B, K): leading axes are kept.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from mixupe.augmentation.loss import as_probabilities, in_loss_precision, with_masked_classes
from mixupe.augmentation.second_order import gradient_by

Variant = Literal["approximate", "exact", "v1", "v2", "v3", "v4"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
# Those that differentiate the logits by what was mixed, and then the result by the weights.
GRADIENT_VARIANTS = ("exact", "v1", "v2")
# Those whose residual p - y is a constant.
_DETACHED = ("v1", "v2", "v4")


def expected_distance(alpha: float) -> float:
    """c = 1 - E[Beta(alpha + 1, alpha)] = alpha / (2 alpha + 1): how far mixup moves along x_mean - x on average."""
    return alpha / (2 * alpha + 1)


def penalty(logits: Tensor, h: Tensor, y: Tensor, variant: str, threshold: float, x_mean: Tensor | None) -> Tensor:
    """R on the clean batch, a 0-d tensor, or (S,) of S runs. All variants divide by the full batch size B.

    approximate (equation 5, Listing 1): mean of |q_hat|, q_hat = f . (y - p), the gradient flows through p.
    exact (equation 4): mean of |q|, q = <J_f^T (p - y), x_mean - h>, p - y constant in h but not in the weights.
    v1 to v4, of the public code: docs/method.md.

    Args:
        logits: f(h), (..., B, K).
        h: (..., B, *) what was mixed; exact, v1 and v2 need it attached to the graph of the logits.
        y: (..., B) class indices or (..., B, K) probabilities.
        variant: one of VARIANTS.
        threshold: v1 and v3 keep the terms below it; the others do not read it.
        x_mean: broadcasts against h; read by exact, v1 and v2 only.
    """
    residual = logits.softmax(dim=-1) - as_probabilities(y, logits)
    if variant in _DETACHED:
        residual = residual.detach()
    if variant in GRADIENT_VARIANTS:
        assert x_mean is not None
        terms = _directional_derivatives(logits, h, residual, x_mean)
    else:
        terms = -(with_masked_classes(logits, residual) * residual).sum(dim=-1)
    size = terms.shape[-1]
    match variant:
        case "approximate" | "exact" | "v2":
            return terms.abs().sum(dim=-1) / size
        case "v1":
            return _below(terms, threshold).sum(dim=-1) / size
        case "v3":
            return -_below(terms, threshold).sum(dim=-1) / size
        case _:
            return -terms.sum(dim=-1) / size


def _directional_derivatives(logits: Tensor, h: Tensor, residual: Tensor, x_mean: Tensor) -> Tensor:
    """<J_f(h)^T residual, x_mean - h>, (..., B), float32 or wider.

    The gradient is that of the batch sum: with BatchNorm, samples couple through it.
    """
    gradient = gradient_by(h, logits, residual)
    return (in_loss_precision(gradient) * (x_mean - in_loss_precision(h))).flatten(logits.dim() - 1).sum(dim=-1)


def _below(terms: Tensor, threshold: float) -> Tensor:
    return torch.where(terms < threshold, terms, 0.0)


def combine(base_loss: Tensor, penalty: Tensor, weight: float | Tensor) -> Tensor:
    """L = L_base + weight R, rescaled by sg(|L_base| / |L|): the gradient of L at the size of the loss without penalty.

    weight is eta c. Where L is 0 the factor is 1 (equation 9 would divide 0 by 0). Element by element: losses, penalties
    and weights of several runs may be tensors of one shape.
    """
    loss = base_loss + weight * penalty
    size = loss.detach().abs()
    factor = torch.where(size == 0, 1.0, base_loss.detach().abs() / size)
    return factor * loss
