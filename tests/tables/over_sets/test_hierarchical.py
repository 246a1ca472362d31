"""The hierarchical model on simulated tables whose truth is known."""

import functools
import math

import numpy as np
import pytest
from scipy import stats

from mixupe.tables.over_sets.differences import SetDifferences
from mixupe.tables.over_sets.hierarchical import Posterior, compare_by_domain, compare_over_sets


def simulated(
    mean: float, between: float, within: float, sets: int = 40, seeds: int = 10, ratio: float = 0.0, seed: int = 0
) -> list[SetDifferences]:
    """True differences N(mean, between); the seeds of a set share a part of their noise where `ratio` is not 0."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(sets):
        truth = random.normal(mean, between) + random.normal() * within * math.sqrt(ratio)
        values = tuple(random.normal(truth, within, seeds))
        found.append(SetDifferences(f"set {number}", "tabular" if number % 2 else "images", values, ratio))
    return found


@functools.cache
def posterior(mean: float, between: float, within: float) -> Posterior:
    return compare_over_sets(simulated(mean, between, within))


def test_a_method_that_is_better_everywhere_is_found_so() -> None:
    found = posterior(-2.0, 0.3, 1.0)
    assert found.average.better > 0.99
    assert found.next_set.better > 0.97
    assert found.low < -2.0 < found.high
    assert found.rhat < 1.05


def test_methods_that_are_practically_equal_are_found_equal_and_not_merely_not_different() -> None:
    found = posterior(0.0, 0.1, 1.0)
    assert found.average.equal > 0.99
    assert found.next_set.equal > 0.9


def test_a_method_that_helps_on_half_of_the_sets_is_no_better_on_average_but_often_on_the_next() -> None:
    """True differences N(0, 2): P(below -0.5) is 0.40 by the normal distribution."""
    found = posterior(0.0, 2.0, 0.5)
    truth = float(stats.norm.cdf(-0.5, 0, 2))
    assert found.next_set.better == pytest.approx(truth, abs=0.12)
    assert found.next_set.worse == pytest.approx(truth, abs=0.12)
    assert found.spread == pytest.approx(2.0, rel=0.3)
    assert found.next_set.better + found.next_set.equal + found.next_set.worse == pytest.approx(1)


def test_of_little_data_nothing_is_sure() -> None:
    found = compare_over_sets(simulated(0.0, 0.5, 5.0, sets=4, seeds=3))
    assert max(found.average.better, found.average.equal, found.average.worse) < 0.9


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """95% of them, over 40 tables: three standard errors are 10.3 points."""
    hits = 0
    for seed in range(40):
        found = compare_over_sets(simulated(-0.7, 0.8, 1.5, sets=15, seeds=5, ratio=0.25, seed=seed), seed=seed)
        hits += found.low <= -0.7 <= found.high
    assert hits / 40 > 0.95 - 0.103


def test_noise_that_the_seeds_share_is_not_taken_for_evidence() -> None:
    """The same values with n_test / n_train = 1: the sets' means are known less well, and are drawn further together."""
    values = simulated(-1.0, 1.0, 2.0, sets=12, seeds=5)
    shared = [SetDifferences(of_set.name, of_set.domain, of_set.values, 1.0) for of_set in values]
    alone, together = compare_over_sets(values), compare_over_sets(shared)
    assert together.high - together.low > alone.high - alone.low
    assert (
        np.std(list(together.shrunk.values())) < np.std(list(alone.shrunk.values())) < np.std([v.mean for v in values])
    )


def test_sets_of_equal_seeds_are_no_division_by_zero() -> None:
    equal = [SetDifferences(f"set {i}", "tabular", (0.0, 0.0, 0.0)) for i in range(5)]
    found = compare_over_sets(equal)
    assert found.average.equal == pytest.approx(1)


def test_each_domain_by_itself_where_it_has_enough_sets() -> None:
    differences = [*simulated(-2.0, 0.2, 0.5, sets=8), SetDifferences("clip", "speech", (1.0, 2.0))]
    found = compare_by_domain(differences)
    assert list(found) == ["all", "images", "tabular"]
    assert [posterior.sets for posterior in found.values()] == [9, 4, 4]


def test_the_same_arguments_give_the_same_posterior() -> None:
    differences = simulated(-1.0, 0.5, 1.0, sets=5)
    assert compare_over_sets(differences) == compare_over_sets(differences)
    with pytest.raises(ValueError, match="three data sets"):
        compare_over_sets(differences[:2])
