"""The paired differences of two methods, data set by data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.resampling import resamplings
from mixupe.tables.statistics import mean_of

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SetDifferences:
    """One data set's paired differences of two methods.

    Attributes:
        name, domain: of the data set.
        values: error of the method minus that of the baseline in percentage points, one a shared seed.
        test_to_train: n_test / n_train where each seed draws its test part anew, else 0 (`resampling`).
    """

    name: str
    domain: str
    values: tuple[float, ...]
    test_to_train: float = 0.0

    @property
    def mean(self) -> float:
        return mean_of(self.values)


def differences_by_set(
    runs: Sequence[DeclaredRun], method: str, baseline: str = "mixup", metric: str = "test_error"
) -> list[SetDifferences]:
    """One entry a data set with at least two shared seeds, in the table's order.

    Several cells on one data set are no further evidence: their differences are averaged seed by seed.

    Args:
        runs: of a table, each method by the name of its column.
        method, baseline: of the columns.
        metric: name in the records' metrics.
    """
    errors = errors_by_seed(runs, metric)
    shared = resamplings(runs)
    cells = {run.cell: run.settings.dataset for run in runs}
    found: dict[str, SetDifferences] = {}
    by_seed: dict[str, dict[int, list[float]]] = {}
    for cell, dataset in cells.items():
        of_method, of_baseline = errors.get((cell, method), {}), errors.get((cell, baseline), {})
        seeds = by_seed.setdefault(dataset.name, {})
        for seed in sorted(of_method.keys() & of_baseline.keys()):
            seeds.setdefault(seed, []).append(of_method[seed] - of_baseline[seed])
        values = tuple(fmean(several) for several in seeds.values())
        found[dataset.name] = SetDifferences(dataset.name, dataset.domain, values, shared[cell].test_to_train)
    return [of_set for of_set in found.values() if len(of_set.values) >= 2]


def mean_errors(
    runs: Sequence[DeclaredRun], methods: Sequence[str], metric: str = "test_error"
) -> tuple[list[str], Array]:
    """Names of the data sets on which every method has a record, and their mean errors, (sets, methods), in percent."""
    errors = errors_by_seed(runs, metric)
    means: dict[str, list[list[float]]] = {}
    for cell, name in {run.cell: run.settings.dataset.name for run in runs}.items():
        of_cell = [errors.get((cell, method), {}) for method in methods]
        seeds = set.intersection(*(set(of_method) for of_method in of_cell))
        if seeds:
            means.setdefault(name, []).append(
                [mean_of(of_method[seed] for seed in sorted(seeds)) for of_method in of_cell]
            )
    rows = [np.mean(cells, axis=0) for cells in means.values()]
    return list(means), np.asarray(rows, dtype=np.float64).reshape(len(rows), len(methods))
