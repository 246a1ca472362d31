"""Statistics against scipy and against values worked by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from mixupe.tables.statistics import (
    detectable_difference,
    holm,
    paired_difference,
    summarise,
    wilcoxon_over_sets,
)


def test_summary_worked_by_hand() -> None:
    """1, 2, 3, 4: mean 2.5, std sqrt(5/3), t(0.975, 3) = 3.182446."""
    summary = summarise([1.0, 2.0, 3.0, 4.0])
    half = 3.182446 * math.sqrt(5 / 3) / 2
    assert summary.n == 4
    assert summary.mean == 2.5
    assert summary.std == pytest.approx(math.sqrt(5 / 3))
    assert (summary.ci_low, summary.ci_high) == pytest.approx((2.5 - half, 2.5 + half), rel=1e-6)


def test_too_few_values_have_no_interval() -> None:
    one = summarise([3.0])
    assert (one.n, one.mean) == (1, 3.0)
    assert math.isnan(one.std)
    assert math.isnan(one.ci_low)
    assert math.isnan(summarise([]).mean)


def test_paired_difference_is_scipys_paired_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(10, 1, 8), rng.normal(11, 1, 8)
    result = paired_difference(dict(enumerate(a)), dict(enumerate(b)))
    expected = stats.ttest_rel(a, b)
    assert result.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (result.summary.ci_low, result.summary.ci_high) == pytest.approx((interval.low, interval.high))


def test_only_shared_seeds_are_paired() -> None:
    result = paired_difference({0: 5.0, 1: 6.0, 2: 7.0}, {1: 4.0, 2: 6.0, 3: 100.0})
    assert (result.summary.n, result.summary.mean) == (2, 1.5)


def test_no_spread() -> None:
    assert paired_difference({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0}).p_value == 1.0
    assert paired_difference({0: 1.0, 1: 2.0, 2: 3.0}, {0: 2.0, 1: 3.0, 2: 4.0}).p_value == 0.25
    assert math.isnan(paired_difference({0: 1.0}, {0: 2.0}).p_value)


def test_holm_worked_by_hand() -> None:
    """0.01 * 4, then 0.02 * 3, then 0.03 * 2 raised to 0.06, then 0.9; NaN is no test."""
    assert holm([0.02, float("nan"), 0.01, 0.9, 0.03]) == pytest.approx([0.06, math.nan, 0.04, 0.9, 0.06], nan_ok=True)
    assert holm([0.8, 0.9]) == [1.0, 1.0]


def test_detectable_difference_has_the_power_it_claims() -> None:
    """Simulated: a true difference of that size is found in about 80% of the samples."""
    n, std = 5, 2.0
    difference = detectable_difference(std, n)
    samples = np.random.default_rng(0).normal(difference, std, (20_000, n))
    found = stats.ttest_1samp(samples, 0.0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert detectable_difference(2 * std, n) == pytest.approx(2 * difference)
    assert detectable_difference(std, 20) < difference
    assert math.isnan(detectable_difference(std, 1))
    assert detectable_difference(0.0, 5) == 0.0


def test_wilcoxon_over_sets_is_exact_for_few_sets() -> None:
    assert wilcoxon_over_sets([-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]) == pytest.approx(2 / 2**6)
    assert math.isnan(wilcoxon_over_sets([-1.0]))
    assert wilcoxon_over_sets([0.0, 0.0, 0.0]) == 1.0
