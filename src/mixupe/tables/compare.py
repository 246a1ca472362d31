"""Rows of a table, and paired comparisons of every method with a baseline: per cell, and over the data sets of a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.resampling import resamplings
from mixupe.tables.statistics import detectable_difference, holm, paired_difference, summarise, wilcoxon_over_sets

SIGNIFICANCE = 0.05
BASELINE = "mixup"
BASELINES = (BASELINE, "none")
ROW_COLUMNS = (
    *("dataset", "model", "augmentation", "metric", "n", "mean", "std", "ci_low", "ci_high"),
    *("delta_vs_mixup", "delta_ci_low", "delta_ci_high", "p_value", "paper", "paper_source"),
)
COMPARISON_COLUMNS = (
    *("dataset", "model", "augmentation", "baseline", "n", "delta", "ci_low", "ci_high"),
    *("p_value", "p_holm", "detectable", "test_part", "test_to_train", "tuned_on"),
)


def comparison_frame(
    runs: Sequence[DeclaredRun], metric: str = "test_error", tuned_on: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """One row a cell, method and baseline with COMPARISON_COLUMNS, and `cell`, its number, and `set`, its data set.

    Differences are in percentage points, method - baseline; two baselines are compared once, as the second - the first.
    Intervals and tests allow for what the seeds of a cell share (`resampling`). p_holm is adjusted over all rows.
    `detectable` is the smallest true difference that the cell's seeds would have found with 80% power.

    Args:
        runs: of the table.
        metric: name in the records' metrics.
        tuned_on: data set -> the search that settings of this table were chosen in, as `tuned_on` shows it.
    """
    errors = errors_by_seed(runs, metric)
    names = {(run.cell, run.method): run.names for run in runs}
    sets = {run.cell: run.settings.dataset.name for run in runs}
    shared = resamplings(runs)
    rows: list[dict[str, Any]] = []
    for number, baseline in enumerate(BASELINES):
        for (cell, augmentation), by_seed in errors.items():
            if augmentation in BASELINES[: number + 1] or (cell, baseline) not in errors:
                continue
            ratio = shared[cell].test_to_train
            difference = paired_difference(by_seed, errors[cell, baseline], ratio)
            summary = difference.summary
            rows.append(
                {
                    "cell": cell,
                    "set": sets[cell],
                    **names[cell, augmentation],
                    "baseline": baseline,
                    "n": summary.n,
                    "delta": summary.mean,
                    "ci_low": summary.ci_low,
                    "ci_high": summary.ci_high,
                    "p_value": difference.p_value,
                    "detectable": detectable_difference(summary),
                    "test_part": shared[cell].test_part,
                    "test_to_train": ratio,
                    "tuned_on": tuned_on.get(sets[cell], ""),
                }
            )
    for row, adjusted in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_holm"] = adjusted
    return pd.DataFrame(rows, columns=["cell", "set", *COMPARISON_COLUMNS])


def table_frame(runs: Sequence[DeclaredRun], comparisons: pd.DataFrame, metric: str = "test_error") -> pd.DataFrame:
    """One row a cell and augmentation with the columns ROW_COLUMNS; errors and differences in percent (points).

    Intervals allow for what the seeds of a cell share (`resampling`). p_value is of the paired t test against mixup over
    shared seeds, Holm-adjusted over all comparisons of the table. `paper`
    and `paper_source` are empty here; `paper.with_figures` fills them. Beside ROW_COLUMNS, `cell` numbers the table's cells
    and `declared` is the number of runs the table declares.

    Args:
        runs: of the table.
        comparisons: as `comparison_frame` makes them of the same runs.
        metric: name in the records' metrics.
    """
    declared = Counter((run.cell, run.method) for run in runs)
    names = {(run.cell, run.method): run.names for run in runs}
    shared = resamplings(runs)
    rows = []
    for (cell, augmentation), by_seed in errors_by_seed(runs, metric).items():
        summary = summarise(list(by_seed.values()), shared[cell].test_to_train)
        rows.append(
            {
                "cell": cell,
                **names[cell, augmentation],
                "metric": metric,
                "n": summary.n,
                "mean": summary.mean,
                "std": summary.std,
                "ci_low": summary.ci_low,
                "ci_high": summary.ci_high,
                "declared": declared[cell, augmentation],
            }
        )
    against = comparisons[comparisons["baseline"] == BASELINE]
    renamed = {"delta": "delta_vs_mixup", "ci_low": "delta_ci_low", "ci_high": "delta_ci_high", "p_holm": "p_value"}
    against = against[["cell", "augmentation", *renamed]].rename(columns=renamed)
    frame = pd.DataFrame(rows).merge(against, how="left", on=["cell", "augmentation"])
    return frame.reindex(columns=[*ROW_COLUMNS, "cell", "declared"])


@dataclass(frozen=True)
class Verdict:
    """A method against a baseline over data sets of a table.

    Attributes:
        wins, ties, losses: cells where the method is significantly better, not different, significantly worse.
        mean: of the cells' mean differences, in percentage points.
        sets: number of data sets; where several cells are on one, it is smaller than theirs.
        p_value: Wilcoxon signed-rank over the data sets, each with the mean of its cells, which are not independent.
    """

    augmentation: str
    baseline: str
    wins: int
    ties: int
    losses: int
    mean: float
    sets: int
    p_value: float


def verdicts(comparisons: pd.DataFrame, tuned: bool = False) -> list[Verdict]:
    """One verdict a method and baseline, over the cells that have at least one shared seed.

    Args:
        comparisons: as `comparison_frame` makes them.
        tuned: over the data sets that settings were chosen on, which prove nothing, instead of all others.
    """
    result = []
    chosen = comparisons[(comparisons["tuned_on"] != "") == tuned].dropna(subset=["delta"])
    for (augmentation, baseline), rows in chosen.groupby(["augmentation", "baseline"], sort=False):
        significant = rows["p_holm"] < SIGNIFICANCE
        wins = int((significant & (rows["delta"] < 0)).sum())
        losses = int((significant & (rows["delta"] > 0)).sum())
        ties = len(rows) - wins - losses
        of_sets = [float(delta) for delta in rows.groupby("set", sort=False)["delta"].mean()]
        names = str(augmentation), str(baseline)
        mean, p_value = float(rows["delta"].mean()), wilcoxon_over_sets(of_sets)
        result.append(Verdict(*names, wins, ties, losses, mean, len(of_sets), p_value))
    return result
