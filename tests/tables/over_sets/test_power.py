"""The detectable difference over data sets against the formula that holds for normal noise."""

import numpy as np
import pytest

from mixupe.tables.over_sets.differences import SetDifferences
from mixupe.tables.over_sets.power import Spread, detectable_over_sets, observed_spread


def test_it_is_that_of_wilcoxons_test_on_normal_means() -> None:
    """(1.96 + 0.84) standard errors of the mean, over sqrt(3 / pi), the test's efficiency; 60 sets, 10 seeds."""
    spread = Spread(0.8, (2.0,), (0.25,))
    error = np.sqrt((0.8**2 + 2.0**2 * (1 / 10 + 0.25)) / 60)
    assert detectable_over_sets(spread, 60, 10) == pytest.approx(2.80 * error / np.sqrt(3 / np.pi), rel=0.05)


def test_more_sets_detect_less_and_more_seeds_do_not_help_beyond_the_shared_examples() -> None:
    spread = Spread(0.5, (1.0, 3.0), (0.25, 0.25))
    of_sets = [detectable_over_sets(spread, sets, 10) for sets in (12, 24, 60)]
    assert of_sets == sorted(of_sets, reverse=True)
    assert detectable_over_sets(spread, 24, 1000) > 0.8 * of_sets[1]
    assert detectable_over_sets(Spread(0.0, (0.0,), (0.0,)), 10, 5) == 0.0
    with pytest.raises(ValueError, match="at least 6"):
        detectable_over_sets(spread, 5, 10)


def test_the_spread_between_sets_is_what_their_seeds_do_not_explain() -> None:
    random = np.random.default_rng(0)
    truths = random.normal(0, 1.5, 300)
    differences = [SetDifferences(str(i), "tabular", tuple(random.normal(t, 2.0, 8))) for i, t in enumerate(truths)]
    found = observed_spread(differences)
    assert found.between == pytest.approx(1.5, rel=0.12)
    assert np.mean(found.within) == pytest.approx(2.0, rel=0.08)
    alike = [SetDifferences(str(i), "tabular", tuple(random.normal(0, 2.0, 8))) for i in range(300)]
    assert observed_spread(alike).between < 0.4
