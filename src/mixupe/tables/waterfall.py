"""What part of a gain is what: from one method to another in steps, each with its paired difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.escape import csv_text
from mixupe.tables.resampling import resamplings
from mixupe.tables.statistics import Summary, paired_difference, summarise
from mixupe.tables.style import caption, heading, tidy

WATERFALL_NOTE = (
    "Each step: error of the method minus that of the one before it, in percentage points, paired by seed, with its 95% t"
    " interval; negative is better. Share: of the whole way from the first to the last; it means little where the interval"
    " of the whole way holds 0."
)
BETTER, WORSE, LEVEL = "#009E73", "#D55E00", "#56606b"


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
                one = paired_difference(after, before, shared[cell].test_to_train)
                share = one.summary.mean / whole.mean if whole.mean else float("nan")
                steps.append(Step(since, to, one.summary, one.p_value, share))
            found.append(Way(cell, title, name, summarise(list(by_seed[0].values())), whole, steps))
    return found


def waterfall_grid(found: Sequence[Way]) -> tuple[list[str], list[list[str]]]:
    """Header and body for people: a line a step, and one for the whole way."""
    header = ["data set", "way", "from", "to", "n", "difference", "95% interval", "share"]
    body = []
    for way in found:
        lines = [(step.since, step.to, step.difference, step.share) for step in way.steps]
        lines.append((way.steps[0].since, way.steps[-1].to, way.whole, 1.0))
        for since, to, one, share in lines:
            interval = "-" if one.ci_low != one.ci_low else f"[{one.ci_low:+z.2f}, {one.ci_high:+z.2f}]"
            part = "-" if share != share else f"{share:.0%}"
            body.append([way.title, way.name, since, to, str(one.n), f"{one.mean:+z.2f}", interval, part])
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
    frame = pd.DataFrame(rows)
    return csv_text(frame, list(frame.columns))


def waterfall_figures(title: str, found: Sequence[Way]) -> list[Figure]:
    """A panel a way: the first method's error, a bar a step with its interval, the last method's error; none for no way."""
    if not found:
        return []
    height = sum(0.9 + 0.42 * (len(way.steps) + 2) for way in found)
    sizes = [len(way.steps) + 2 for way in found]
    figure, axes = plt.subplots(
        len(found), 1, figsize=(7.5, 1.4 + height), squeeze=False, layout="constrained", height_ratios=sizes
    )
    for axis, way in zip(axes[:, 0], found, strict=True):
        _draw(axis, way)
    axes[-1, 0].set_xlabel("test error (%)", fontsize=9)
    heading(figure, f"{title}: what part of the difference is what")
    caption(
        figure,
        "Grey: mean error of the first and the last method. Bars: paired difference of each step, mean over seeds, with its"
        " 95% t interval; green lowers the error, orange raises it.",
    )
    return [figure]


def _draw(axis: Axes, way: Way) -> None:
    levels = [way.start.mean]
    for step in way.steps:
        levels.append(levels[-1] + step.difference.mean)
    labels = [way.steps[0].since, *(step.to for step in way.steps), way.steps[-1].to]
    low, high = min(levels), max(levels)
    room = 0.25 * (high - low) or 1.0
    axis.barh(0, levels[0], color=LEVEL, height=0.6)
    for place, step in enumerate(way.steps, start=1):
        one = step.difference
        axis.barh(place, one.mean, left=levels[place - 1], color=BETTER if one.mean < 0 else WORSE, height=0.6)
        if one.ci_low == one.ci_low:
            ends = [levels[place - 1] + one.ci_low, levels[place - 1] + one.ci_high]
            axis.plot(ends, [place, place], "-", color="black", linewidth=1.2)
            low, high = min(low, *ends), max(high, *ends)
        axis.plot([levels[place - 1]] * 2, [place - 1, place], ":", color="#999999", linewidth=0.8)
        axis.annotate(
            f"{one.mean:+z.2f}", (high, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    axis.barh(len(labels) - 1, levels[-1], color=LEVEL, height=0.6)
    axis.set_xlim(max(low - room, 0.0), high + room)
    axis.set_yticks(range(len(labels)), [labels[0], *(f"→ {label}" for label in labels[1:-1]), labels[-1]])
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_title(f"{way.title}: {way.name}", fontsize=10, loc="left", fontweight="bold")
    tidy(axis, "x")
