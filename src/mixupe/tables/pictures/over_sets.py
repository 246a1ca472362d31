"""verdict.png, ranks.png and gains.png: a verdict over data sets as pictures."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mixupe.tables.numbers import difference_text
from mixupe.tables.over_sets.comparison import ALL, Compared, Comparison
from mixupe.tables.pictures.canvas import ORDERED, Panel, compose, ordered_style
from mixupe.tables.pictures.ranks import rank_figure

BETTER, EQUAL, WORSE = (ORDERED[2], ORDERED[5], ORDERED[1])
PROPERTIES = {
    "train": "training examples",
    "inputs": "numbers an example",
    "classes": "classes",
    "majority": "share of the commonest class",
    "plain_error": "validation error of plain training (%)",
    "batch_norm": "BatchNorm in the network",
}
LOGARITHMIC = ("train", "inputs", "classes")


def probability_figures(title: str, found: Compared) -> list[Figure]:
    """A page a method: of each baseline and domain, how probable better, equal and worse are on a further data set."""
    figures = []
    for method in dict.fromkeys(comparison.method for comparison in found.comparisons):
        known = [
            comparison
            for comparison in found.comparisons
            if comparison.method == method and comparison.posterior is not None
        ]
        if not known:
            continue
        text = (
            f"How probable it is that on a further data set of the kind {method} has an error lower by more than"
            f" {found.rope:g} points, equal within them, or higher. Behind each bar: posterior mean of the mean difference,"
            " its 95% interval, number of data sets. The best rival is chosen on these errors, which favours it."
        )
        legend = {"better": BETTER, "equal": EQUAL, "worse": WORSE}
        panel = Panel(partial(_bars, known=known), x="probability on a further data set")
        height = 2.2 + 0.34 * len(known)
        figures.append(compose(f"{title}: {method}", [[panel]], (8.5, height), text, legend))
    return figures


def _bars(axis: Axes, known: Sequence[Comparison]) -> None:
    names = []
    for place, comparison in enumerate(known):
        posterior = comparison.posterior
        assert posterior is not None
        area, left = posterior.next_set, 0.0
        for share, style in ((area.better, BETTER), (area.equal, EQUAL), (area.worse, WORSE)):
            axis.barh(place, share, left=left, color=style.color, height=0.7)
            if share >= 0.08:
                axis.text(left + share / 2, place, f"{share:.2f}", ha="center", va="center", fontsize=8)
            left += share
        told = difference_text(posterior.mean, posterior.low, posterior.high) + f", {len(comparison.differences)}"
        axis.text(1.02, place, told, va="center", fontsize=8)
        names.append(f"{comparison.domain}: {comparison.baseline}{' (rival)' if comparison.is_rival else ''}")
    axis.set_yticks(range(len(known)), names)
    axis.set_ylim(len(known) - 0.4, -0.6)
    axis.set_xlim(0, 1.42)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1])


def rank_figures(title: str, found: Compared) -> list[Figure]:
    """A critical-difference diagram over all data sets, then one a domain."""
    return [
        rank_figure(title if domain == ALL else f"{title}: {domain}", ranks) for domain, ranks in found.ranks.items()
    ]


def gain_figures(title: str, gains: pd.DataFrame) -> list[Figure]:
    """A page a difference of the first method: against each property of the data sets."""
    differences = [column for column in gains.columns if " - " in column]
    first = differences[0].partition(" - ")[0] if differences else ""
    figures = []
    for column in [difference for difference in differences if difference.partition(" - ")[0] == first]:
        known = gains[gains[column].notna()]
        panels = [
            Panel(partial(_scatter, known=known, column=column, key=key), x=name, y="points", grid="both")
            for key, name in PROPERTIES.items()
        ]
        styles = {domain: ordered_style(number) for number, domain in enumerate(dict.fromkeys(known["domain"]))}
        text = (
            f"Each mark is a data set: {column} in percentage points of test error, mean over seeds; below 0 is better."
            " Whether any property predicts it for sets that a model has not seen stands in explained.csv."
        )
        figures.append(compose(f"{title}: {column}", [panels[:3], panels[3:]], (9.5, 6.0), text, styles))
    return figures


def _scatter(axis: Axes, known: pd.DataFrame, column: str, key: str) -> None:
    for number, domain in enumerate(dict.fromkeys(known["domain"])):
        rows, style = known[known["domain"] == domain], ordered_style(number)
        axis.plot(rows[key].astype(float), rows[column], style.marker, color=style.color, markersize=5, alpha=0.75)
    axis.axhline(0, color="#666666", linewidth=0.8)
    if key in LOGARITHMIC:
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
    if key == "classes":
        axis.set_xticks([2, 5, 10, 30], ["2", "5", "10", "30"])
    if key == "batch_norm":
        axis.set_xticks([0, 1], ["no", "yes"])
        axis.set_xlim(-0.5, 1.5)
