"""What a table says of its records: means with intervals, paired differences, tests corrected over the table.

Where the test part is drawn anew with every seed, runs share examples and their errors are not independent. The variance
of their mean is then not std^2/n but std^2 (1/n + n_test/n_train), the corrected resampled variance of Nadeau and Bengio
(Inference for the generalization error, Machine Learning 52, 2003); `test_to_train` is that ratio, 0 for independent values.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from scipy import special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

LEVEL = 0.95
POWER = 0.8
# Fewer pairs are not tested: what two seeds happen to agree on is no evidence.
LEAST_PAIRS = 3
# Of a mean in percent: below it lies only rounding.
DIGITS = 9


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation (ddof 1) of n values, of our runs or as a paper prints them.

    What is not known is NaN, for n 0. See the module for `test_to_train`.
    """

    mean: float
    std: float
    n: int
    test_to_train: float = 0.0

    @property
    def is_known(self) -> bool:
        return self.n >= 2 and not math.isnan(self.std) and not math.isnan(self.mean)

    @property
    def is_constant(self) -> bool:
        """Whether the values are equal but for rounding, so that nothing is known of their noise."""
        return self.is_known and self.std <= 10**-DIGITS * max(1.0, abs(self.mean))

    @property
    def standard_error(self) -> float:
        """Of the mean; NaN where spread or number is not known."""
        return self.std * math.sqrt(1 / self.n + self.test_to_train) if self.is_known else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95% t interval of the mean; NaN where spread or number is not known, and where all values are equal: an interval
        of no width would claim that there is no noise.
        """
        half = t_quantile(self.n - 1) * self.standard_error if self.is_known and not self.is_constant else math.nan
        return self.mean - half, self.mean + half

    @property
    def ci_low(self) -> float:
        return self.interval[0]

    @property
    def ci_high(self) -> float:
        return self.interval[1]

    @property
    def text(self) -> str:
        """`4.53 ± 0.04 (5)`, as far as it is known."""
        if math.isnan(self.mean):
            return "-"
        spread = "" if math.isnan(self.std) else f" ± {self.std:.2f}"
        return f"{self.mean:.2f}{spread}{f' ({self.n})' if self.n else ''}"

    def columns(self, name: str) -> dict[str, float]:
        """As columns of a CSV file."""
        return {f"{name}_mean": self.mean, f"{name}_std": self.std, f"{name}_n": self.n}


@functools.cache
def t_quantile(freedom: float) -> float:
    """Half the width of a 95% t interval, in standard errors."""
    return float(stats.t.ppf(0.5 + LEVEL / 2, freedom))


def mean_of(values: Iterable[float]) -> float:
    """Mean of one or more errors in percent, or of differences of them.

    Without the last digits, in which means that are equal differ: they would break ties, and give no difference a sign.
    """
    return round(fmean(values), DIGITS) + 0.0  # of -0.0, 0.0


def summarise(values: Sequence[float], test_to_train: float = 0.0) -> Summary:
    """Of values, one a seed."""
    x = np.asarray(values, dtype=np.float64)
    mean = mean_of(values) if len(x) else math.nan
    return Summary(mean, float(x.std(ddof=1)) if len(x) > 1 else math.nan, len(x), test_to_train)


@dataclass(frozen=True)
class Difference:
    """Paired differences over shared seeds: their summary and the p value of a two-sided paired t test."""

    summary: Summary
    p_value: float


def paired_difference(method: dict[int, float], baseline: dict[int, float], test_to_train: float = 0.0) -> Difference:
    """method - baseline, seed by seed; seeds that only one of them has are left out.

    The p value is NaN for fewer than LEAST_PAIRS shared seeds. Where all differences are equal, the t statistic is undefined
    or infinite; then it is that of the exact sign-flip test: 1 for no difference, else 2^(1 - n), n being the number of
    independent values that would have the same variance of the mean.
    """
    seeds = sorted(set(method) & set(baseline))
    differences = np.asarray([method[seed] - baseline[seed] for seed in seeds], dtype=np.float64)
    summary = summarise(differences.tolist(), test_to_train)
    if len(seeds) < LEAST_PAIRS:
        return Difference(summary, np.nan)
    # Equal differences of errors in percent differ by rounding, whose t would be astronomical.
    if summary.is_constant:
        return Difference(
            summary, 1.0 if summary.mean == 0 else min(2.0 ** (1 - 1 / (1 / len(seeds) + test_to_train)), 1.0)
        )
    # As scipy.stats.ttest_1samp, whose checks take longer than all else that is done with a large table's records.
    t = summary.mean / summary.standard_error
    return Difference(summary, 2 * float(special.stdtr(len(seeds) - 1, -abs(t))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, which bounds the chance of any false alarm over all of them; NaN stays NaN."""
    adjusted = np.asarray(p_values, dtype=np.float64)
    tested = ~np.isnan(adjusted)
    if tested.any():
        adjusted[tested] = multipletests(adjusted[tested], method="holm")[1]
    return [float(value) for value in adjusted]


def detectable_difference(differences: Summary) -> float:
    """The smallest true mean difference that a two-sided paired t test at 5% would have found with 80% power.

    It tells "no difference" from "too few seeds".

    Args:
        differences: the pairs'.

    Returns:
        in their unit; NaN where there are too few for a test or all are equal.
    """
    if differences.n < LEAST_PAIRS or not differences.is_known or differences.is_constant:
        return math.nan
    return _detectable_shift(differences.n) * differences.standard_error


@functools.cache
def _detectable_shift(n: int) -> float:
    """`detectable_difference` in standard errors of the mean."""
    return float(TTestPower().solve_power(nobs=n, alpha=1 - LEVEL, power=POWER)) * math.sqrt(n)


def wilcoxon_over_sets(differences: Sequence[float]) -> float:
    """p value of the two-sided Wilcoxon signed-rank test on one mean difference a data set; NaN for fewer than two.

    With m data sets no p below 2^(1 - m) is possible, so five or fewer can never reach 0.05.
    """
    return _wilcoxon(tuple(round(mean, DIGITS) for mean in differences)) if len(differences) >= 2 else float("nan")


@functools.cache  # equal differences make scipy try all signs, which takes a second, and a table asks several times
def _wilcoxon(differences: tuple[float, ...]) -> float:
    return float(stats.wilcoxon(differences).pvalue) if any(differences) else 1.0
