"""waterfall.png: the first method's error, a bar a step with its interval, the last method's error."""

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.tables.pictures.canvas import Panel, compose
from mixupe.tables.waterfall import Way

BETTER, WORSE, LEVEL = "#009E73", "#D55E00", "#56606b"
TEXT = (
    "Grey: mean error of the first and the last method. Bars: paired difference of each step, mean over seeds, with its"
    " 95% t interval; green lowers the error, orange raises it. The axis does not begin at 0."
)


def waterfall_figures(title: str, found: Sequence[Way]) -> list[Figure]:
    """A panel a way; none for no way."""
    if not found:
        return []
    heights = [len(way.steps) + 2 for way in found]
    rows = [[Panel(partial(_draw, way=way), f"{way.title}: {way.name}", "test error (%)")] for way in found]
    size = (7.5, 1.4 + sum(0.9 + 0.42 * height for height in heights))
    return [compose(title, rows, size, TEXT, heights=heights)]


def _draw(axis: Axes, way: Way) -> None:
    levels = [way.start.mean]
    for step in way.steps:
        levels.append(levels[-1] + step.difference.mean)
    labels = [way.steps[0].since, *(step.to for step in way.steps), way.steps[-1].to]
    low, high = min(levels), max(levels)
    room = 0.25 * (high - low) or 1.0
    axis.barh(0, levels[0], color=LEVEL, height=0.6)
    for place, step in enumerate(way.steps, start=1):
        difference = step.difference
        axis.barh(
            place, difference.mean, left=levels[place - 1], color=BETTER if difference.mean < 0 else WORSE, height=0.6
        )
        if difference.ci_low == difference.ci_low:
            ends = [levels[place - 1] + difference.ci_low, levels[place - 1] + difference.ci_high]
            axis.plot(ends, [place, place], "-", color="black", linewidth=1.2)
            low, high = min(low, *ends), max(high, *ends)
        axis.plot([levels[place - 1]] * 2, [place - 1, place], ":", color="#999999", linewidth=0.8)
        axis.annotate(
            f"{difference.mean:+z.2f}",
            (high, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axis.barh(len(labels) - 1, levels[-1], color=LEVEL, height=0.6)
    axis.set_xlim(max(low - room, 0.0), high + room)
    axis.set_yticks(range(len(labels)), [labels[0], *(f"→ {label}" for label in labels[1:-1]), labels[-1]])
    axis.set_ylim(len(labels) - 0.5, -0.5)
