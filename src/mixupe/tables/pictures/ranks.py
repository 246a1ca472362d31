"""A critical-difference diagram: mean ranks of methods on a line, bars over those that do not differ."""

from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.tables.over_sets.ranks import Ranks
from mixupe.tables.pictures.canvas import Panel, compose, method_styles


def rank_figure(title: str, ranks: Ranks) -> Figure:
    """After Demšar (2006), figure 1: a mark a method, the best at the left, a bar a group that cannot be told apart."""
    text = (
        f"Mean rank over {ranks.sets} data sets, 1 is best. Bars join methods whose mean ranks differ by less than"
        f" {ranks.critical:.2f}, which Nemenyi's test at 5% cannot tell apart. Friedman's test that all are alike:"
        f" p {'< 0.001' if ranks.p_value < 0.001 else f'= {ranks.p_value:.3f}'}."
    )
    height = 1.6 + 0.32 * (len(ranks.methods) + 0.5 * len(ranks.alike()))
    return compose(title, [[Panel(partial(_draw, ranks=ranks), x="mean rank")]], (7.5, height), text)


def _draw(axis: Axes, ranks: Ranks) -> None:
    styles = method_styles(ranks.methods)
    groups = ranks.alike()
    top = 0.5 * len(groups)
    for place, (method, mean) in enumerate(zip(ranks.methods, ranks.means, strict=True)):
        axis.plot(mean, top + place, styles[method].marker, color=styles[method].color, markersize=7)
        axis.plot([mean, mean], [-0.5, top + place], "-", color="#cccccc", linewidth=0.8, zorder=0)
        axis.annotate(
            f"{method} {mean:.2f}",
            (mean, top + place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    for number, (first, last) in enumerate(groups):
        axis.plot([ranks.means[first], ranks.means[last]], [0.5 * number] * 2, "-", color="black", linewidth=3.5)
    axis.set_xlim(0.8, len(ranks.methods) + 0.8)
    axis.set_xticks(range(1, len(ranks.methods) + 1))
    axis.set_yticks([])
    axis.set_ylim(top + len(ranks.methods) - 0.4, -0.5)
    axis.spines["left"].set_visible(False)
