"""The rows of table.csv: one a cell and augmentation."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.resampling import resamplings
from mixupe.tables.statistics import summarise

BASELINE = "mixup"
COLUMNS = (
    *("dataset", "model", "augmentation", "metric", "n", "mean", "std", "ci_low", "ci_high"),
    *("delta_vs_mixup", "delta_ci_low", "delta_ci_high", "p_value", "paper", "paper_source"),
)


def table_frame(runs: Sequence[DeclaredRun], comparisons: pd.DataFrame, metric: str = "test_error") -> pd.DataFrame:
    """One row a cell and augmentation with the columns COLUMNS; errors and differences in percent (points).

    Intervals allow for what the seeds of a cell share (`resampling`). p_value is of the paired t test against mixup over
    shared seeds, Holm-adjusted over all comparisons of the table. `paper`
    and `paper_source` are empty here; `paper.with_figures` fills them. Beside COLUMNS, `cell` numbers the table's cells
    and `declared` is the number of runs the table declares.

    Args:
        runs: of the table.
        comparisons: as `compare.comparison_frame` makes them of the same runs.
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
    return frame.reindex(columns=[*COLUMNS, "cell", "declared"])
