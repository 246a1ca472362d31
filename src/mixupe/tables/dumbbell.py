"""paper.png: each published figure and ours of the same row, joined by a line."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.tables.style import caption, head, pages, tidy
from mixupe.tables.verdict import DIFFERS, REPRODUCED, Level

OURS = Style("#D55E00", "D", "-")
PAPER = Style("#0072B2", "o", "-")
JOINED = {REPRODUCED: "#009E73", DIFFERS: "#000000"}
UNSURE = "#bbbbbb"
# Data sets on one figure.
MOST = 8


def dumbbell_figures(title: str, levels: Sequence[Level]) -> list[Figure]:
    """A panel a data set and model, a line a method; rows of which nothing has been run are left out."""
    panels: dict[tuple[str, ...], list[Level]] = {}
    for level in levels:
        if level.ours.n:
            panels.setdefault(level.names[:-1], []).append(level)
    cut = pages(f"{title}: ours and the paper's", [*panels.items()], MOST)
    return [_figure(heading, page) for heading, page in cut]


def _figure(heading: str, panels: Sequence[tuple[tuple[str, ...], list[Level]]]) -> Figure:
    sizes = [len(levels) + 1 for _, levels in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(7.5, 1.8 + 0.3 * sum(sizes) + 0.3 * len(panels)),
        squeeze=False,
        layout="constrained",
        height_ratios=sizes,
    )
    for axis, (names, levels) in zip(axes[:, 0], panels, strict=True):
        for place, level in enumerate(levels):
            _draw(axis, place, level)
        axis.set_yticks(range(len(levels)), [level.names[-1] for level in levels])
        axis.set_ylim(len(levels) - 0.5, -0.5)
        axis.set_title("{} ({})".format(*names), fontsize=10, loc="left", fontweight="bold")
        axis.locator_params(axis="x", nbins=7)
        tidy(axis, "x")
    axes[-1, 0].set_xlabel("test error (%)", fontsize=9)
    head(figure, heading, {"ours": OURS, "the paper's": PAPER})
    caption(
        figure,
        "Marks: mean error; thin lines: its 95% t interval, where the paper prints a spread. The line between them is green"
        " where the level is reproduced, black where it differs, grey where one cannot tell.",
    )
    return figure


def _draw(axis: Axes, place: int, level: Level) -> None:
    joined = JOINED.get(level.verdict, UNSURE)
    axis.plot([level.ours.mean, level.paper.mean], [place, place], "-", color=joined, linewidth=3, alpha=0.6, zorder=1)
    for shift, mean, style in ((-0.14, level.ours, OURS), (0.14, level.paper, PAPER)):
        axis.plot(mean.interval, [place + shift] * 2, "-", color=style.colour, linewidth=1.2, zorder=2)
        axis.plot(mean.mean, place, style.marker, color=style.colour, markersize=6, zorder=3)
