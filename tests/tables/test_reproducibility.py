"""A table run again from nothing against its earlier records."""

from dataclasses import replace
from typing import Any

import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.reproducibility import (
    DIFFERS,
    IN_THE_MEAN,
    INCOMPLETE,
    ROUNDED,
    SAME,
    CellReproducibility,
    agrees,
    reproducibility,
    reproducibility_lines,
    reproducibility_to_terminal,
)

EARLIER = [4.0, 5.0, 6.0]  # mean 5, 95% interval +-2.48


@pytest.fixture(scope="module")
def runs() -> list[DeclaredRun]:
    with hydra_initialised():
        settings = compose_settings(["dataset=tabular/wine", "augmentation=mixup"])
    return [
        DeclaredRun(0, "", "mixup", settings.model_copy(update={"seed": seed}), "DONE", record(error))
        for seed, error in enumerate(EARLIER)
    ]


def record(error: float, loss: float = 0.25) -> dict[str, Any]:
    return {"metrics": {"test_error": error, "test_loss": loss}, "timing": {"seconds": error}}


def compare(runs: list[DeclaredRun], *records: dict[str, Any] | None) -> CellReproducibility:
    fresh = [replace(run, record=rerun) for run, rerun in zip(runs, records, strict=True)]
    (cell,) = reproducibility(runs, fresh, "test_error")
    return cell


def test_equal_metrics_are_the_same_whatever_the_time_they_took(runs: list[DeclaredRun]) -> None:
    cell = compare(runs, *({**record(error), "timing": {"seconds": 9.0}} for error in EARLIER))
    assert (cell.verdict, cell.largest, cell.means) == (SAME, 0.0, 0.0)
    assert (cell.compared, cell.declared) == (3, 3)


def test_a_metric_that_came_later_is_no_difference(runs: list[DeclaredRun]) -> None:
    fresh = [{**earlier, "metrics": {**earlier["metrics"], "test_top5_error": 1.0}} for earlier in map(record, EARLIER)]
    assert compare(runs, *fresh).verdict == SAME


def test_a_difference_in_another_metric_or_below_rounding_is_said(runs: list[DeclaredRun]) -> None:
    assert compare(runs, record(4.0, 0.2500001), record(5.0), record(6.0)).verdict == ROUNDED
    assert compare(runs, record(4.0 + 1e-7), record(5.0), record(6.0)).verdict == ROUNDED


def test_other_errors_agree_where_their_mean_lies_in_the_earlier_interval(runs: list[DeclaredRun]) -> None:
    near = compare(runs, record(5.0), record(6.0), record(7.0))
    assert (near.verdict, near.largest) == (IN_THE_MEAN, 1.0)
    assert [near.means, near.low, near.high] == pytest.approx([1.0, -2.484, 2.484], abs=1e-3)
    far = compare(runs, record(7.0), record(8.0), record(9.0))
    assert far.verdict == DIFFERS
    assert agrees([near])
    assert not agrees([near, far])


def test_a_single_seed_has_no_interval_to_lie_in(runs: list[DeclaredRun]) -> None:
    assert compare(runs[:1], record(4.1)).verdict == DIFFERS
    assert compare(runs[:1], record(4.0)).verdict == SAME


def test_a_missing_record_is_no_agreement(runs: list[DeclaredRun]) -> None:
    cell = compare(runs, record(4.0), None, record(6.0))
    assert (cell.verdict, cell.compared) == (INCOMPLETE, 2)
    assert not agrees([cell])
    none = compare(runs, None, None, None)
    assert none.verdict == INCOMPLETE
    assert reproducibility_lines([cell, none])[-1] == "Run again, of 2 cells: missing: 2."
    assert reproducibility_to_terminal("Toy", [cell, none]).row_count == 1 + 2
