"""What this project's runs say of a paper's figures and claims, by rules that are fixed before anything is run.

Level: is our error the paper's? Both are means of runs, so the question is about the difference of the two expectations,
of which Welch's t interval (95%, unequal variances) says where it lies. With the margin m = MARGIN (10%) of the paper's
error:

    reproduced       the whole interval lies within [-m, m]
    level differs    else, and 0 lies outside the interval
    cannot tell      else: the interval is too wide; and where the paper prints no standard deviation or number of runs, or
                     fewer than two of ours have ended

So neither a wide interval nor a lack of runs can reproduce anything, and a difference that is sure but small (below a tenth
of the error) does not count against a level. Where our test parts are drawn anew with every seed, both variances are taken
as wider for it (`statistics`), the paper's as if it had drawn its own so. Intervals are not adjusted for the number of rows.

Claim: MixupE has a lower error than mixup, and than training without mixing (none). From our runs:

    holds            the paired difference is significant (p < 0.05 in the table's own test, Holm-adjusted) and negative
    contradicted     it is significant and positive
    cannot tell      it is not significant, or there are too few shared seeds

The same words for the paper's own figures, by Welch's t test from the printed mean, standard deviation and number of runs
(its seeds are not known to be paired), at p < 0.05 without adjustment, which favours the paper.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from mixupe.tables.compare import BASELINES, SIGNIFICANCE
from mixupe.tables.numbers import difference_text
from mixupe.tables.paper import ROW, Figure
from mixupe.tables.resampling import Resampling
from mixupe.tables.statistics import Summary, t_quantile

# Of the paper's error: a difference of levels that is smaller counts as none.
MARGIN = 0.10
CLAIMED = "mixupe"

REPRODUCED = "reproduced"
DIFFERS = "level differs"
CANNOT_TELL = "cannot tell"
HOLDS = "holds"
CONTRADICTED = "contradicted"
LevelVerdict = Literal["reproduced", "level differs", "cannot tell"]
ClaimVerdict = Literal["holds", "contradicted", "cannot tell"]


@dataclass(frozen=True)
class Welch:
    """a - b of two independent means: the difference, its 95% interval and the p value; NaN where it cannot be had."""

    difference: float
    ci_low: float
    ci_high: float
    p_value: float

    @property
    def text(self) -> str:
        """`-0.10 [-0.30, +0.10]`, as far as it is known."""
        return difference_text(self.difference, self.ci_low, self.ci_high)


def welch(a: Summary, b: Summary) -> Welch:
    """Welch's t test and interval of the difference of two means from what is printed of them."""
    difference = a.mean - b.mean
    if not (a.is_known and b.is_known):
        return Welch(difference, math.nan, math.nan, math.nan)
    parts = [mean.standard_error**2 for mean in (a, b)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Welch(difference, difference, difference, 1.0 if difference == 0 else 0.0)
    freedom = sum(parts) ** 2 / sum(part**2 / (mean.n - 1) for part, mean in zip(parts, (a, b), strict=True))
    half = t_quantile(freedom) * error
    p_value = 2 * float(stats.t.sf(abs(difference) / error, freedom))
    return Welch(difference, difference - half, difference + half, p_value)


def level_verdict(found: Welch, published: float) -> LevelVerdict:
    """`found` is ours - the paper's, `published` the paper's error in percent; the rules stand at the top of this module."""
    if math.isnan(found.ci_low):
        return "cannot tell"
    margin = MARGIN * published
    if -margin <= found.ci_low and found.ci_high <= margin:
        return "reproduced"
    return "cannot tell" if found.ci_low <= 0 <= found.ci_high else "level differs"


def claim_verdict(difference: float, p_value: float) -> ClaimVerdict:
    """`difference` is MixupE's error minus the other's; NaN where there is no test."""
    if not p_value < SIGNIFICANCE or difference == 0:
        return "cannot tell"
    return "holds" if difference < 0 else "contradicted"


@dataclass(frozen=True)
class Level:
    """A row of the table beside the paper's figure of it."""

    names: tuple[str, ...]
    ours: Summary
    paper: Summary
    found: Welch
    verdict: LevelVerdict


@dataclass(frozen=True)
class Claim:
    """MixupE against another method in one cell: `ours` from our paired runs (p Holm-adjusted), `paper` from its figures."""

    names: tuple[str, ...]
    against: str
    n: int
    ours: Welch
    verdict: ClaimVerdict
    paper: Welch
    paper_verdict: ClaimVerdict


@dataclass(frozen=True)
class PaperComparison:
    levels: list[Level]
    claims: list[Claim]


def compare_with_paper(
    frame: pd.DataFrame, comparisons: pd.DataFrame, figures: Sequence[Figure], shared: Mapping[int, Resampling]
) -> PaperComparison | None:
    """Every row that has a published error, and every claim about it; None where nothing is published.

    Args:
        frame: rows of the table (`compare.table_frame`).
        comparisons: as `compare.comparison_frame` makes them of the same runs.
        figures: of the table.
        shared: what the seeds of each cell share.
    """
    published = {
        figure.row: Summary(figure.error, figure.spread, figure.n or 0) for figure in figures if figure.kind == "error"
    }
    if not published:
        return None
    levels, claims = [], []
    for _, row in frame.iterrows():
        names = tuple(str(row[key]) for key in ROW)
        if names not in published:
            continue
        ratio = shared[row["cell"]].test_to_train
        ours = Summary(float(row["mean"]), float(row["std"]), int(row["n"]), ratio)
        paper = replace(published[names], test_to_train=ratio)
        found = welch(ours, paper)
        levels.append(Level(names, ours, paper, found, level_verdict(found, paper.mean)))
        if names[-1].split(" ")[0] != CLAIMED:
            continue
        for baseline in BASELINES:
            other = (*names[:-1], baseline)
            if other in published:
                found = welch(published[names], published[other])
                claims.append(_claim(names, baseline, row["cell"], comparisons, found))
    return PaperComparison(levels, claims)


def _claim(names: tuple[str, ...], against: str, cell: int, comparisons: pd.DataFrame, paper: Welch) -> Claim:
    same = (comparisons["cell"] == cell) & (comparisons["augmentation"] == names[-1])
    rows = comparisons[same & (comparisons["baseline"] == against)]
    row = rows.iloc[0] if len(rows) else pd.Series(dtype=float)
    ours = Welch(*(float(row.get(key, np.nan)) for key in ("delta", "ci_low", "ci_high", "p_holm")))
    return Claim(
        names=names,
        against=against,
        n=int(row.get("n", 0)),
        ours=ours,
        verdict=claim_verdict(ours.difference, ours.p_value),
        paper=paper,
        paper_verdict=claim_verdict(paper.difference, paper.p_value),
    )
