"""Ranks, Friedman's test and the critical difference against scipy and Demšar's worked example."""

import math

import numpy as np
import pytest
from scipy import stats

from mixupe.tables.over_sets.ranks import Ranks, average_ranks
from mixupe.tables.pictures.ranks import rank_figure


def test_critical_difference_of_the_papers_example() -> None:
    """Demšar (2006), 3.2.4: four classifiers on 14 data sets, q 2.569, CD = 2.569 sqrt(4 * 5 / (6 * 14)) = 1.25."""
    found = average_ranks(["a", "b", "c", "d"], np.random.default_rng(0).normal(size=(14, 4)))
    assert found.critical == pytest.approx(2.569 * math.sqrt(20 / 84), abs=5e-4)
    assert round(found.critical, 2) == 1.25


def test_friedman_is_scipys_in_the_f_form() -> None:
    errors = np.random.default_rng(1).normal(size=(20, 4)) + np.array([0.0, 0.3, 0.6, 0.9])
    found = average_ranks(["a", "b", "c", "d"], errors)
    chi2 = stats.friedmanchisquare(*errors.T).statistic
    assert found.statistic == pytest.approx(19 * chi2 / (20 * 3 - chi2))
    assert found.p_value == pytest.approx(stats.f.sf(found.statistic, 3, 57))
    assert sum(found.means) == pytest.approx(10), "1 + 2 + 3 + 4"


def test_friedmans_test_takes_ties_as_scipys_does() -> None:
    errors = np.random.default_rng(3).integers(0, 4, (20, 4)) + np.array([0.0, 0.0, 1.0, 1.0])
    chi2 = stats.friedmanchisquare(*errors.T).statistic
    assert average_ranks(["a", "b", "c", "d"], errors).statistic == pytest.approx(19 * chi2 / (20 * 3 - chi2))
    alike = average_ranks(["a", "b", "c"], np.ones((5, 3)))
    assert (alike.statistic, alike.p_value) == (0.0, 1.0)


def test_errors_that_are_equal_but_for_rounding_share_a_rank() -> None:
    assert average_ranks(["a", "b", "c"], np.array([[0.1 + 0.2, 0.3, 1.0], [5.0, 5.0, 6.0]])).means == (1.5, 1.5, 3.0)


def test_the_level_of_friedmans_test_holds_where_all_methods_are_alike() -> None:
    """Three standard errors of 400 trials at 5% are 3.3 points."""
    random = np.random.default_rng(2)
    alarms = [average_ranks(["a", "b", "c"], random.normal(size=(15, 3))).p_value < 0.05 for _ in range(400)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.033)


def test_groups_are_the_largest_within_the_critical_difference() -> None:
    ranks = Ranks(("a", "b", "c", "d"), (1.2, 1.9, 2.6, 4.3), 10, 9.0, 0.001, 1.0)
    assert ranks.alike() == [(0, 1), (1, 2)]
    assert Ranks(("a", "b", "c"), (1.0, 2.0, 3.0), 50, 9.0, 0.001, 0.4).alike() == []


def test_ties_share_a_rank_and_the_best_stands_first() -> None:
    found = average_ranks(["bad", "good", "same"], np.array([[3.0, 1.0, 1.0], [5.0, 2.0, 2.0], [9.0, 1.0, 1.0]]))
    assert found.methods == ("good", "same", "bad")
    assert found.means == (1.5, 1.5, 3.0)


@pytest.mark.parametrize("errors", [np.ones((1, 3)), np.ones((5, 2)), np.full((5, 3), np.nan)])
def test_what_cannot_be_ranked_is_refused(errors: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> None:
    with pytest.raises(ValueError, match="errors"):
        average_ranks(["a", "b", "c"][: errors.shape[1]], errors)


def test_the_diagram_has_a_mark_a_method_and_a_bar_a_group() -> None:
    ranks = Ranks(("none", "mixup", "mixupe"), (1.2, 1.9, 2.9), 10, 9.0, 0.0001, 1.0)
    figure = rank_figure("Toy", ranks)
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.texts] == ["none 1.20", "mixup 1.90", "mixupe 2.90"]
    bars = [np.asarray(line.get_xdata()).tolist() for line in axis.lines if line.get_linewidth() == 3.5]
    assert bars == [[1.2, 1.9]]
    assert "p < 0.001" in figure.get_supxlabel()
