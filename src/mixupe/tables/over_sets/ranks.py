"""Average ranks of methods over data sets, Friedman's test and Nemenyi's critical difference.

J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), sections 3.2.2 and 3.2.4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mixupe.tables.over_sets.differences import Array
from mixupe.tables.statistics import DIGITS


@dataclass(frozen=True)
class Ranks:
    """How methods rank over data sets, and which ranks differ.

    Attributes:
        methods: the best mean rank first.
        means: mean rank of each over the data sets, 1 is best.
        sets: number of data sets.
        statistic, p_value: Friedman's test in Iman and Davenport's form, F with k - 1 and (k - 1)(N - 1) degrees of
            freedom, that all methods are alike.
        critical: the difference of mean ranks from which on two methods differ at 5% (Nemenyi).
    """

    methods: tuple[str, ...]
    means: tuple[float, ...]
    sets: int
    statistic: float
    p_value: float
    critical: float

    def alike(self) -> list[tuple[int, int]]:
        """First and last place of each largest group of methods of which no two differ; groups of one are left out."""
        found: list[tuple[int, int]] = []
        for first, rank in enumerate(self.means):
            last = max(at for at, other in enumerate(self.means) if other - rank < self.critical)
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return found


def average_ranks(methods: Sequence[str], errors: Array, level: float = 0.05) -> Ranks:
    """Ranks of methods by their error; equal errors share their mean rank.

    Args:
        methods: k names.
        errors: (N, k), one row a data set; lower is better.
        level: of Nemenyi's test.

    Raises:
        ValueError: fewer than two data sets or three methods (of two, Wilcoxon's test is the better one), or a NaN.
    """
    sets, k = errors.shape
    if sets < 2 or k < 3 or k != len(methods):
        raise ValueError(f"errors: must be at least 2 data sets by 3 methods, each named, got {errors.shape}")
    if np.isnan(errors).any():
        raise ValueError("errors: a method lacks its error on a data set")
    ranks = stats.rankdata(errors.round(DIGITS), axis=1)
    means = ranks.mean(axis=0)
    # Iman and Davenport (1980), for Friedman's chi-square is undesirably conservative: the analysis of variance of the
    # ranks, which takes ties as they are.
    between = sets * float(((means - (k + 1) / 2) ** 2).sum())
    rest = float(((ranks - (k + 1) / 2) ** 2).sum()) - between
    statistic = 0.0 if between == 0 else math.inf if rest <= 0 else (sets - 1) * between / rest
    p_value = float(stats.f.sf(statistic, k - 1, (k - 1) * (sets - 1)))
    quantile = float(stats.studentized_range.ppf(1 - level, k, np.inf)) / math.sqrt(2)
    order = np.argsort(means, kind="stable")
    return Ranks(
        methods=tuple(methods[at] for at in order),
        means=tuple(float(means[at]) for at in order),
        sets=sets,
        statistic=statistic,
        p_value=p_value,
        critical=quantile * math.sqrt(k * (k + 1) / (6 * sets)),
    )
