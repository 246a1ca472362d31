"""What part of a gain is what: from one method to another in steps, each with its paired difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.escape import csv_text
from mixupe.tables.numbers import interval_text, number_text
from mixupe.tables.resampling import resamplings
from mixupe.tables.statistics import Summary, paired_difference, summarise

WATERFALL_NOTE = (
    "Each step: error of the method minus that of the one before it, in percentage points, paired by seed, with its 95% t"
    " interval; negative is better. Share: of the whole way from the first to the last; it means little where the interval"
    " of the whole way holds 0."
)


@dataclass(frozen=True)
class Step:
    """From one method to the next.

    Attributes:
        difference: error of `to` minus error of `since`, in percentage points over the shared seeds.
        share: of the difference between the last and the first method of the way.
    """

    since: str
    to: str
    difference: Summary
    p_value: float
    share: float


@dataclass(frozen=True)
class Way:
    """A way from the first method to the last in one cell.

    Attributes:
        start: error of the first method, in percent.
        whole: paired difference between the last and the first.
    """

    cell: int
    title: str
    name: str
    start: Summary
    whole: Summary
    steps: list[Step]


def ways(waterfall: Mapping[str, Sequence[str]], runs: Sequence[DeclaredRun]) -> list[Way]:
    """Every way in every cell that has records of all its methods; p values are not adjusted."""
    errors = errors_by_seed(runs)
    shared = resamplings(runs)
    titles = {run.cell: f"{run.names['dataset']} ({run.names['model']})" for run in runs}
    found = []
    for cell, title in titles.items():
        for name, methods in waterfall.items():
            by_seed = [errors.get((cell, method), {}) for method in methods]
            if not all(by_seed):
                continue
            whole = paired_difference(by_seed[-1], by_seed[0], shared[cell].test_to_train).summary
            steps = []
            for (since, before), (to, after) in pairwise(zip(methods, by_seed, strict=True)):
                difference = paired_difference(after, before, shared[cell].test_to_train)
                share = difference.summary.mean / whole.mean if whole.mean else float("nan")
                steps.append(Step(since, to, difference.summary, difference.p_value, share))
            found.append(Way(cell, title, name, summarise(list(by_seed[0].values())), whole, steps))
    return found


def waterfall_grid(found: Sequence[Way]) -> tuple[list[str], list[list[str]]]:
    """Header and body for people: a line a step, and one for the whole way."""
    header = ["data set", "way", "from", "to", "n", "difference", "95% interval", "share"]
    body = []
    for way in found:
        lines = [(step.since, step.to, step.difference, step.share) for step in way.steps]
        lines.append((way.steps[0].since, way.steps[-1].to, way.whole, 1.0))
        for since, to, difference, share in lines:
            numbers = [number_text(difference.mean, "+z.2f"), interval_text(*difference.interval)]
            body.append([way.title, way.name, since, to, str(difference.n), *numbers, number_text(share, ".0%")])
    return header, body


def waterfall_to_csv(found: Sequence[Way]) -> str:
    """One line a step; differences in percentage points."""
    rows = [
        {
            "cell": way.title,
            "way": way.name,
            "from": step.since,
            "to": step.to,
            "n": step.difference.n,
            "difference": step.difference.mean,
            "ci_low": step.difference.ci_low,
            "ci_high": step.difference.ci_high,
            "p_value": step.p_value,
            "share": step.share,
        }
        for way in found
        for step in way.steps
    ]
    return csv_text(pd.DataFrame(rows))
