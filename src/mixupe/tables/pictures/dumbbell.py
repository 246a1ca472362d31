"""paper.png: each published figure and ours of the same row, joined by a line."""

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.tables.collect import grouped
from mixupe.tables.pictures.canvas import Panel, compose, pages
from mixupe.tables.verdict import DIFFERS, REPRODUCED, Level

OURS = Style("#D55E00", "D", "-")
PAPER = Style("#0072B2", "o", "-")
JOINED = {REPRODUCED: "#009E73", DIFFERS: "#000000"}
UNSURE = "#bbbbbb"
# Data sets on one figure.
MOST = 8
TEXT = (
    "Marks: mean error; thin lines: its 95% t interval, where the paper prints a spread. The line between them is green"
    " where the level is reproduced, black where it differs, grey where one cannot tell."
)


def dumbbell_figures(title: str, levels: Sequence[Level]) -> list[Figure]:
    """A panel a data set and model, a line a method; rows of which nothing has been run are left out."""
    panels = grouped([level for level in levels if level.ours.n], lambda level: level.names[:-1])
    figures = []
    for heading, page in pages(f"{title}: ours and the paper's", [*panels.items()], MOST):
        rows = [
            [Panel(partial(_draw, levels=of_panel), "{} ({})".format(*names), "test error (%)")]
            for names, of_panel in page
        ]
        heights = [len(of_panel) + 1 for _, of_panel in page]
        size = (7.5, 1.8 + 0.3 * sum(heights) + 0.3 * len(page))
        figures.append(compose(heading, rows, size, TEXT, {"ours": OURS, "the paper's": PAPER}, heights=heights))
    return figures


def _draw(axis: Axes, levels: Sequence[Level]) -> None:
    for place, level in enumerate(levels):
        joined = JOINED.get(level.verdict, UNSURE)
        axis.plot([level.ours.mean, level.paper.mean], [place] * 2, "-", color=joined, linewidth=3, alpha=0.6, zorder=1)
        for shift, mean, style in ((-0.14, level.ours, OURS), (0.14, level.paper, PAPER)):
            axis.plot(mean.interval, [place + shift] * 2, "-", color=style.color, linewidth=1.2, zorder=2)
            axis.plot(mean.mean, place, style.marker, color=style.color, markersize=6, zorder=3)
    axis.set_yticks(range(len(levels)), [level.names[-1] for level in levels])
    axis.set_ylim(len(levels) - 0.5, -0.5)
    axis.locator_params(axis="x", nbins=7)
