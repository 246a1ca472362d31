"""Which mean difference a number of data sets and seeds can detect, by simulation from the spreads seen so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from mixupe.tables.over_sets.differences import Array, SetDifferences
from mixupe.tables.statistics import LEVEL, POWER

TRIALS = 2000


@dataclass(frozen=True)
class Spread:
    """Attributes:
    between: standard deviation of the true differences of data sets, in percentage points.
    within: standard deviations of the seeds' differences, one a data set.
    test_to_train: of each data set.
    """

    between: float
    within: tuple[float, ...]
    test_to_train: tuple[float, ...]


def observed_spread(differences: Sequence[SetDifferences]) -> Spread:
    """By moments: what the data sets' means vary beyond the noise of their seeds lies between the data sets.

    Raises:
        ValueError: fewer than two data sets.
    """
    if len(differences) < 2:
        raise ValueError("differences: must be at least two data sets")
    within = [float(np.std(of_set.values, ddof=1)) for of_set in differences]
    ratios = [of_set.test_to_train for of_set in differences]
    noise = [s**2 * (1 / len(of_set.values) + r) for s, r, of_set in zip(within, ratios, differences, strict=True)]
    between = max(0.0, float(np.var([of_set.mean for of_set in differences], ddof=1)) - float(np.mean(noise)))
    return Spread(between**0.5, tuple(within), tuple(ratios))


def detectable_over_sets(spread: Spread, sets: int, seeds: int, power: float = POWER, seed: int = 0) -> float:
    """The smallest mean difference, in percentage points, that Wilcoxon's test over the data sets finds with that power.

    Each trial draws a spread within for every data set from those observed, a true difference and the mean of its seeds.

    Args:
        spread: as `observed_spread` finds it.
        sets: at least 6; with fewer the test can find nothing at 5%.
        seeds: of each data set.
        power: share of the trials.
        seed: of the simulation.

    Raises:
        ValueError: too few data sets.
    """
    if sets < 6:
        raise ValueError(f"sets: must be at least 6, got {sets}")
    random = np.random.default_rng(seed)
    which = random.integers(len(spread.within), size=(TRIALS, sets))
    variance = np.square(spread.within) * (1 / seeds + np.asarray(spread.test_to_train))
    noise = random.normal(size=which.shape) * np.sqrt(spread.between**2 + variance[which])
    scale = float(noise.std())
    if scale == 0:
        return 0.0
    # The same draws for every difference, so that the found share rises with it.
    return float(optimize.bisect(lambda shift: _found(noise + shift) - power, 0.0, 20 * scale, xtol=scale / 1000))


def _found(means: Array) -> float:
    """Share of the trials, (trials, sets), in which the test is significant."""
    p_values = stats.wilcoxon(means, axis=1, method="asymptotic").pvalue
    return float(np.mean(p_values < 1 - LEVEL))
