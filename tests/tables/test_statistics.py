"""Statistics against scipy and against values worked by hand."""

import math
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from mixupe.tables.statistics import (
    Summary,
    detectable_difference,
    holm,
    mean_of,
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
    summary = summarise([3.0])
    assert (summary.n, summary.mean) == (1, 3.0)
    assert math.isnan(summary.std)
    assert math.isnan(summary.ci_low)
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
    low, high = {0: 1.0, 1: 2.0, 2: 3.0}, {0: 2.0, 1: 3.0, 2: 4.0}
    assert paired_difference(low, low).p_value == 1.0
    assert paired_difference(low, high).p_value == 0.25
    # Three splits of which a quarter is test weigh as much as 1 / (1/3 + 1/4) = 12/7 independent ones.
    assert paired_difference(low, high, 0.25).p_value == pytest.approx(2 ** (1 - 12 / 7))


def test_differences_that_are_equal_but_for_rounding_have_no_spread() -> None:
    """0.3 - 0.2 and 0.2 - 0.1 differ in the last bit, which would make t 10^15."""
    assert paired_difference({0: 0.3, 1: 0.2, 2: 0.4}, {0: 0.2, 1: 0.1, 2: 0.3}).p_value == 0.25


def test_equal_values_have_no_interval_and_detect_nothing() -> None:
    """An interval of no width would say that no other difference is possible, and 0 that every one would have been found."""
    for values in ([0.0, 0.0, 0.0], [2.0, 2.0], [0.3 - 0.2, 0.2 - 0.1, 0.4 - 0.3]):
        summary = summarise(values)
        assert math.isnan(summary.ci_low)
        assert math.isnan(summary.ci_high)
        assert math.isnan(detectable_difference(summary))


def test_means_that_are_equal_but_for_rounding_are_equal() -> None:
    """Of 45 examples: 0 and 6 wrong ones, or 1 and 5; and three differences that add up to nothing."""
    shares = [100 * wrong / 45 for wrong in range(7)]
    assert fmean([shares[0], shares[6]]) != fmean([shares[1], shares[5]])
    assert mean_of([shares[0], shares[6]]) == mean_of([shares[1], shares[5]])
    balanced = [shares[1] - shares[0], shares[2] - shares[1], shares[3] - shares[5]]
    assert fmean(balanced) != 0
    assert str(paired_difference(dict(enumerate(balanced)), dict.fromkeys(range(3), 0.0)).summary.mean) == "0.0"
    assert str(mean_of([-1e-16])) == "0.0"
    assert wilcoxon_over_sets([1.0, 2.0, 3.0, fmean(balanced)]) == wilcoxon_over_sets([1.0, 2.0, 3.0, 0.0])


def test_what_is_no_number_has_no_test() -> None:
    result = paired_difference({0: math.inf, 1: 1.0, 2: 2.0}, {0: math.inf, 1: 1.5, 2: 1.0})
    assert math.isnan(result.p_value)
    assert math.isnan(result.summary.ci_low)


def test_two_seeds_are_no_test() -> None:
    """A paired t test would find p = 0.011 here."""
    method, baseline = {0: 1.0, 1: 2.6}, {0: 4.0, 1: 5.5}
    assert stats.ttest_rel([1.0, 2.6], [4.0, 5.5]).pvalue < 0.05
    result = paired_difference(method, baseline)
    assert math.isnan(result.p_value)
    assert result.summary.mean == pytest.approx(-2.95)
    assert math.isnan(detectable_difference(result.summary))


def test_the_corrected_interval_and_test_are_those_of_the_formula() -> None:
    """Nadeau and Bengio's, from numpy and scipy alone: ten seeds, a fifth of the examples is test."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(10, 1, 10), rng.normal(11, 1, 10)
    difference = a - b
    error = math.sqrt((1 / 10 + 0.2 / 0.8) * difference.var(ddof=1))
    result = paired_difference(dict(enumerate(a)), dict(enumerate(b)), 0.2 / 0.8)
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(difference.mean()) / error, 9))
    low, high = stats.t.interval(0.95, 9, loc=difference.mean(), scale=error)
    assert (result.summary.ci_low, result.summary.ci_high) == pytest.approx((low, high))
    assert result.summary.std == pytest.approx(difference.std(ddof=1)), "the spread of the seeds is what it was"
    mean = summarise(a.tolist(), 0.25)
    half = stats.t.ppf(0.975, 9) * a.std(ddof=1) * math.sqrt(0.35)
    assert (mean.ci_low, mean.ci_high) == pytest.approx((a.mean() - half, a.mean() + half))


def false_alarms(test_to_train: float, kept: int | None) -> float:
    """How often a difference at 5% is found between two methods that are equally good on new data.

    The same classifier (nearest class mean) sees two sets of features of one distribution. Each of 400 data sets of 100
    examples is split by ten seeds, a fifth for test; `kept` of the others are trained on.
    """
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    found = 0
    for _ in range(400):
        features = rng.normal(size=(2, 100, 2)) + (labels - 0.5)[:, None]
        errors: list[dict[int, float]] = [{}, {}]
        for seed in range(10):
            order = rng.permutation(100)
            test, train = order[:20], order[20:][:kept]
            for method, x in enumerate(features):
                means = [x[train[labels[train] == label]].mean(axis=0) for label in (0, 1)]
                nearer = (x[test] - (means[0] + means[1]) / 2) @ (means[1] - means[0]) > 0
                errors[method][seed] = 100 * float(np.mean(nearer != labels[test]))
        found += paired_difference(errors[0], errors[1], test_to_train).p_value < 0.05
    return found / 400


@pytest.mark.parametrize("kept", [None, 30])
def test_on_splits_drawn_anew_the_corrected_test_keeps_its_level_and_the_naive_one_does_not(kept: int | None) -> None:
    """Three standard errors of 400 trials at 5% are 3.3 points."""
    assert false_alarms(0.25, kept) < 0.05 + 0.033
    assert false_alarms(0.0, kept) > 0.13


def test_holm_worked_by_hand() -> None:
    """0.01 * 4, then 0.02 * 3, then 0.03 * 2 raised to 0.06, then 0.9; NaN is no test."""
    assert holm([0.02, float("nan"), 0.01, 0.9, 0.03]) == pytest.approx([0.06, math.nan, 0.04, 0.9, 0.06], nan_ok=True)
    assert holm([0.8, 0.9]) == [1.0, 1.0]


def test_detectable_difference_has_the_power_it_claims() -> None:
    """Simulated: a true difference of that size is found in about 80% of the samples."""
    n, std = 5, 2.0
    difference = detectable_difference(Summary(0.0, std, n))
    samples = np.random.default_rng(0).normal(difference, std, (20_000, n))
    found = stats.ttest_1samp(samples, 0.0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert detectable_difference(Summary(0.0, 2 * std, n)) == pytest.approx(2 * difference)
    assert detectable_difference(Summary(0.0, std, 20)) < difference
    assert math.isnan(detectable_difference(Summary(0.0, std, 1)))
    assert detectable_difference(Summary(0.0, std, n, 0.25)) == pytest.approx(
        difference * math.sqrt((1 / 5 + 0.25) * 5)
    )


def test_wilcoxon_over_sets_is_exact_for_few_sets() -> None:
    assert wilcoxon_over_sets([-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]) == pytest.approx(2 / 2**6)
    assert math.isnan(wilcoxon_over_sets([-1.0]))
    assert wilcoxon_over_sets([0.0, 0.0, 0.0]) == 1.0
