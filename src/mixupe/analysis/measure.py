"""Everything that is measured of one network, as plain values."""

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from torch import Tensor

from mixupe.analysis.cosines import cosines, gradients
from mixupe.analysis.first_order import FirstOrder, first_order
from mixupe.analysis.network import Frozen
from mixupe.analysis.series import MixupSeries, mixup_series
from mixupe.evaluation.directional import alpha as alpha_terms


@dataclass(frozen=True)
class Pairs:
    """What a network is measured on.

    Attributes:
        x, partner: (P, ...) float64, what is mixed of each pair.
        y: (P,) class indices of x.
        x_mean: shape of one example, float64, the training set's mean of what is mixed.
    """

    x: Tensor
    partner: Tensor
    y: Tensor
    x_mean: Tensor


def measured(network: Frozen, pairs: Pairs, alpha: float) -> dict[str, Any]:
    """The series, q beside q_hat, and the cosines; JSON values, None for what is not finite.

    Raises:
        ValueError: forward-mode differentiation of the network gives wrong numbers.
    """
    series = mixup_series(network, pairs.x, pairs.partner, pairs.y, alpha)
    terms = first_order(network, pairs.x, pairs.y, pairs.x_mean)
    found = {
        "series": _series_values(series),
        "first_order": {**_first_order_values(terms), **_alpha_values(network, pairs)},
        "cosines": cosines(gradients(network, pairs.x, pairs.y, pairs.x_mean)),
    }
    return {name: _finite(values) for name, values in found.items()}


def _series_values(series: MixupSeries) -> dict[str, Any]:
    return {
        "clean": series.clean,
        "mixed": series.mixed,
        "mixed_error": series.mixed_error,
        "increase_error": series.increase_error,
        "terms": series.terms.tolist(),
        "term_errors": series.term_errors.tolist(),
        "shares": series.shares.tolist(),
        "remainders": series.remainders.tolist(),
        "piecewise_linear": series.piecewise_linear,
        "straight": series.straight,
        "radius_median": _median(series.radius),
        "radius_least": float(series.radius.min()),
        "diverging": float((series.radius < 1).double().mean()),
    }


def _first_order_values(terms: FirstOrder) -> dict[str, Any]:
    return {
        "correlation": terms.correlation,
        "same_sign": terms.same_sign,
        "bend_median": _median(terms.bend),
        "shift_median": _median(terms.shift),
        "q_mean": float(terms.q.mean()),
        "q_hat_mean": float(terms.q_hat.mean()),
        "q_size": float(terms.q.abs().mean()),
        "q_hat_size": float(terms.q_hat.abs().mean()),
        "q_negative": float((terms.q < 0).double().mean()),
        "q_hat_negative": float((terms.q_hat < 0).double().mean()),
        "entropy": float(terms.entropy.mean()),
        "cross_entropy": float(terms.cross_entropy.mean()),
        "q": terms.q.tolist(),
        "q_hat": terms.q_hat.tolist(),
    }


def _alpha_values(network: Frozen, pairs: Pairs) -> dict[str, float]:
    """Of the paper's Figure 2: the least alpha_ij over examples and classes, and how many are negative."""
    alphas = alpha_terms(network, pairs.x, pairs.y, pairs.x_mean)
    return {"alpha_least": float(alphas.min()), "alpha_negative": float((alphas < 0).double().mean())}


def _median(values: Tensor) -> float:
    """Of (P,) values: of an even number the mean of the middle two, where torch's own is the lesser of them."""
    return float(median(values.tolist()))


def _finite(value: Any) -> Any:
    """The value with None for every nan and infinity, which JSON does not know."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
    return value
