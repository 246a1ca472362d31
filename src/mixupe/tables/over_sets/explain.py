"""When does a method help: its difference to a baseline from properties of the data set, judged on sets it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_score, permutation_test_score
from sklearn.tree import DecisionTreeRegressor

from mixupe.tables.collect import DeclaredRun
from mixupe.tables.over_sets.comparison import ALL, Compared
from mixupe.tables.over_sets.differences import Array, mean_errors
from mixupe.tables.over_sets.properties import SetProperties
from mixupe.tables.statistics import holm

# With fewer data sets a model of so many properties says nothing.
LEAST_SETS = 12
PERMUTATIONS = 100
# Of the ridge, fixed before any run: as if ten data sets more had said that no property matters.
PENALTY = 10.0
SIGNIFICANCE = 0.05
PLAIN = "none"


@dataclass(frozen=True)
class Explanation:
    """A model of the differences of a method to a baseline.

    Attributes:
        model: ridge, or tree.
        sets: number of data sets.
        r2: 1 - squared error of the prediction for each data set by the model of all others / that of the others' mean;
            below 0 the properties are worse than nothing.
        p_value: share of permuted differences that are predicted as well; Holm-adjusted over all models of the table.
        weights: property -> of a ridge, points of difference a standard deviation; of a tree, share of its splits' gain.
    """

    method: str
    baseline: str
    model: str
    sets: int
    r2: float
    p_value: float
    weights: dict[str, float]

    @property
    def explains(self) -> bool:
        return self.r2 > 0 and self.p_value < SIGNIFICANCE


def gains(found: Compared, properties: Mapping[str, SetProperties]) -> pd.DataFrame:
    """One row a data set of known properties: dataset, domain, the properties, `plain_error` (validation error of plain
    training, which is no part of the differences), and `METHOD - BASELINE` in percentage points, NaN where one is missing.
    """
    plain = dict(zip(*_plain_errors(found.rows), strict=True))
    domains = {run.settings.dataset.name: str(run.settings.dataset.domain) for run in found.rows}
    rows = []
    for name, domain in domains.items():
        if name in properties and name in plain:
            known = properties[name]
            row = {
                "dataset": name,
                "domain": domain,
                "train": known.train,
                "inputs": known.inputs,
                "classes": known.classes,
            }
            rows.append({**row, "majority": known.majority, "batch_norm": known.batch_norm, "plain_error": plain[name]})
    frame = pd.DataFrame(rows)
    for comparison in found.of(ALL):
        if not comparison.is_rival and len(frame):
            means = {of_set.name: of_set.mean for of_set in comparison.differences}
            frame[f"{comparison.method} - {comparison.baseline}"] = frame["dataset"].map(means)
    return frame


def _plain_errors(rows: Sequence[DeclaredRun]) -> tuple[list[str], list[float]]:
    names, errors = mean_errors(rows, [PLAIN], "validation_error")
    return names, [float(error) for error in errors[:, 0]] if names else []


def design(frame: pd.DataFrame) -> pd.DataFrame:
    """What the models see: sizes as logarithms, each domain but the first as a column; all with mean 0, deviation 1."""
    columns = {
        "log10 train": np.log10(frame["train"]),
        "log10 inputs": np.log10(frame["inputs"]),
        "log10 classes": np.log10(frame["classes"]),
        "majority": frame["majority"],
        "plain error": frame["plain_error"],
        "BatchNorm": frame["batch_norm"].astype(float),
    }
    for domain in list(dict.fromkeys(frame["domain"]))[1:]:
        columns[f"domain {domain}"] = (frame["domain"] == domain).astype(float)
    seen = pd.DataFrame(columns)
    return (seen - seen.mean()) / seen.std(ddof=0).replace(0.0, 1.0)


def explanations(frame: pd.DataFrame, permutations: int = PERMUTATIONS) -> list[Explanation]:
    """Two models of the first method's difference to each baseline; none where fewer than LEAST_SETS data sets have it.

    Args:
        frame: as `gains` makes it.
        permutations: of the differences, in the test.
    """
    found: list[Explanation] = []
    differences = [column for column in frame.columns if " - " in column]
    for column in differences:
        method, _, baseline = column.partition(" - ")
        known = frame[frame[column].notna()]
        if method == differences[0].partition(" - ")[0] and len(known) >= LEAST_SETS:
            seen = design(known)
            for name, model in _models().items():
                found.append(_explanation(method, baseline, name, model, seen, known[column].to_numpy(), permutations))
    adjusted = holm([explanation.p_value for explanation in found])
    return [replace(explanation, p_value=p_value) for explanation, p_value in zip(found, adjusted, strict=True)]


def _models() -> dict[str, RegressorMixin]:
    """Small ones: 60 data sets bear no more."""
    return {
        "ridge": Ridge(PENALTY),
        "tree": DecisionTreeRegressor(max_depth=2, min_samples_leaf=5, random_state=0),
    }


def _explanation(
    method: str,
    baseline: str,
    name: str,
    model: RegressorMixin,
    seen: pd.DataFrame,
    y: Array,
    permutations: int,
) -> Explanation:
    how = {"cv": LeaveOneOut(), "scoring": "neg_mean_squared_error"}
    x = seen.to_numpy()
    score, _, p_value = permutation_test_score(model, x, y, n_permutations=permutations, random_state=0, **how)
    of_mean = float(cross_val_score(DummyRegressor(), x, y, **how).mean())
    model.fit(x, y)
    weights = model.feature_importances_ if name == "tree" else model.coef_
    return Explanation(
        method=method,
        baseline=baseline,
        model=name,
        sets=len(y),
        r2=1 - float(score) / of_mean if of_mean else float("nan"),
        p_value=float(p_value),
        weights=dict(zip(seen.columns, map(float, weights), strict=True)),
    )
