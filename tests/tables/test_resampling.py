"""What the seeds of a cell share, from its settings and its records."""

from collections.abc import Iterator
from typing import Any

import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.resampling import Resampling, resampling_lines, resamplings

DRAWN = ["dataset=tabular/vehicle"]
HALF = ["dataset=spoken_digits_300"]
FOLDS = ["dataset=mutag"]
OWN = ["dataset=tabular/vowel"]


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with hydra_initialised():
        yield


def runs(*cells: list[str], **facts: Any) -> list[DeclaredRun]:
    """Three seeds of none and mixup in each cell; errors 5, 6, 7 and 4, 4.5, 6.5."""
    return [
        DeclaredRun(cell, "", method, settings.model_copy(update={"seed": seed}), "DONE", record)
        for cell, overrides in enumerate(cells)
        for method, errors in (("none", [5.0, 6.0, 7.0]), ("mixup", [4.0, 4.5, 6.5]))
        for settings in [compose_settings([*overrides, f"augmentation={method}"])]
        for seed, error in enumerate(errors)
        for record in [{"metrics": {"test_error": error}, **facts}]
    ]


@pytest.mark.parametrize(
    ("overrides", "right"),
    [
        (DRAWN, Resampling("drawn", 0.2 / 0.8)),
        # However few of the others are trained on: it is the test examples that seeds share.
        ([*DRAWN, "dataset.train_size=100"], Resampling("drawn", 0.2 / 0.8)),
        ([*DRAWN, "protocol=paper"], Resampling("drawn", 0.2 / 0.8)),
        (HALF, Resampling("drawn", 1.0)),
        (FOLDS, Resampling("fold", 1 / 9)),
        ([*DRAWN, "dataset.folds=5"], Resampling("fold", 1 / 4)),
        (OWN, Resampling("own", 0.0)),
    ],
)
def test_the_ratio_of_test_to_training_examples(overrides: list[str], right: Resampling) -> None:
    (found,) = resamplings(runs(overrides)).values()
    assert found.test_part == right.test_part
    assert found.test_to_train == pytest.approx(right.test_to_train)


def test_a_record_knows_of_a_test_part_that_the_settings_do_not() -> None:
    """A folder of images has a folder test, or has none."""
    assert resamplings(runs(DRAWN, test_part="own")) == {0: Resampling("own", 0.0)}
    assert resamplings(runs(DRAWN, test_part="drawn"))[0].test_part == "drawn"


def test_rows_and_comparisons_follow_the_correction_of_their_cell() -> None:
    """Differences none - mixup 1, 1.5, 0.5: mean 1, standard deviation 0.5; t(0.975, 2) = 4.302653."""
    found = runs(DRAWN, FOLDS, OWN)
    comparisons = comparison_frame(found)
    variances = [1 / 3 + 1 / 4, 1 / 3 + 1 / 9, 1 / 3]
    halves = [4.302653 * 0.5 * variance**0.5 for variance in variances]
    assert (comparisons["ci_high"] - 1).tolist() == pytest.approx(halves, rel=1e-6)
    assert comparisons["p_value"].is_monotonic_decreasing
    assert comparisons["test_part"].tolist() == ["drawn", "fold", "own"]
    own = comparisons["detectable"].iloc[2]
    assert (comparisons["detectable"] / own).tolist() == pytest.approx(
        [(3 * variance) ** 0.5 for variance in variances]
    )
    means = table_frame(found, comparisons).query("augmentation == 'none'")
    assert (means["ci_high"] - means["mean"]).tolist() == pytest.approx([2 * half for half in halves], rel=1e-6)


def test_the_text_names_what_is_corrected_and_what_holds_training_noise_only() -> None:
    drawn, folds, own = resampling_lines(
        [
            *(("a", Resampling("drawn", 0.25)), ("b", Resampling("drawn", 1.0)), ("a2", Resampling("drawn", 0.25))),
            *(("c", Resampling("own", 0.0)), ("d", Resampling("fold", 1 / 9)), ("c", Resampling("own", 0.0))),
        ]
    )
    assert drawn.endswith("(Nadeau and Bengio, 2003); n_test/n_train is 0.25 for a, a2; 1 for b.")
    assert folds.endswith("n_test/n_train is 0.11 for d.")
    assert "the noise of training alone" in own
    assert own.endswith(" c.")
