"""How every figure of a table is put together, looks and is written: the same bytes from the same records."""

import io
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from mixupe.augmentation.method import Style
from mixupe.augmentation.registry import style_of
from mixupe.files import replacing

T = TypeVar("T")

DPI = 150
# Of a written picture, whose lines are smoothed against white and against each other.
COLORS = 128
# Panels of more rows than this are hard to read on one page; further rows go to further figures.
ROWS_PER_FIGURE = 6
# Letters of a legend, and of a panel's title, that fit an inch.
LETTERS = 11
TITLE_LETTERS = 9.5

# For all that has no style of its own (`mixupe.augmentation.method`), such as the points of a grid, in their order. Okabe
# and Ito's palette, which color-blind readers can tell apart; its yellow is too pale for lines on white.
ORDERED = (
    Style("#0072B2", "o", "-"),
    Style("#D55E00", "s", "--"),
    Style("#009E73", "^", "-."),
    Style("#CC79A7", "D", ":"),
    Style("#E69F00", "v", "-"),
    Style("#56B4E9", "P", "--"),
    Style("#000000", "X", "-."),
)


def subplots(rows: int, columns: int, figsize: tuple[float, float], **grid: Any) -> tuple[Figure, Any]:
    """As pyplot's, laid out by constraints, but known to no one else: a notebook keeps its own backend and figures.

    Args:
        rows, columns, figsize: as of pyplot.subplots.
        grid: others of Figure.subplots.
    """
    figure = Figure(figsize=figsize, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **grid)


def ordered_style(number: int) -> Style:
    """ORDERED, and beyond it its colors again with other marks."""
    first = ORDERED[number % len(ORDERED)]
    return replace(first, marker=ORDERED[(number + number // len(ORDERED)) % len(ORDERED)].marker)


def method_styles(methods: Sequence[str]) -> dict[str, Style]:
    """How each is drawn: methods that say so the same everywhere, those of a grid (`mixupe eta=0.1`) by their order."""
    known = {method: style for method in methods if (style := style_of(method)) is not None}
    if len(known) == len(set(methods)):
        return known
    return {method: ordered_style(number) for number, method in enumerate(methods)}


@dataclass(frozen=True)
class Panel:
    """One part of a figure.

    Attributes:
        draw: draws it into its axes.
        title: above it, wrapped to its width.
        x, y: what its axes are.
        grid: lines across `x`, `y` or `both`.
    """

    draw: Callable[[Axes], None]
    title: str = ""
    x: str = ""
    y: str = ""
    grid: Literal["x", "y", "both"] = "x"


def compose(
    title: str,
    rows: Sequence[Sequence[Panel | None]],
    size: tuple[float, float],
    text: str,
    legend: Mapping[str, Style] | None = None,
    *,
    heights: Sequence[float] | None = None,
    fill: Literal["full", "none"] = "full",
    share: Literal["row", "none"] = "none",
) -> Figure:
    """Panels in rows, below a title and one legend for all of them, above the text that says how to read them.

    Args:
        title: of the figure.
        rows: panels, as many in each row; None leaves a gap. x is written where no panel stands below.
        size: in inches, of the whole.
        text: below the figure.
        legend: name -> how it is drawn; None for no legend.
        heights: of the rows, relative to each other.
        fill: of the legend's marks.
        share: `row`: the panels of a row have one y axis.
    """
    columns = len(rows[0])
    figure, axes = subplots(len(rows), columns, figsize=size, squeeze=False, height_ratios=heights, sharey=share)
    for at, panels in enumerate(rows):
        for column, panel in enumerate(panels):
            axis = axes[at][column]
            if panel is None:
                axis.set_visible(False)
                continue
            panel.draw(axis)
            letters = max(12, int(TITLE_LETTERS * size[0] / columns))
            name = "\n".join(textwrap.fill(line, letters) for line in panel.title.splitlines())
            axis.set_title(name, fontsize=10, loc="left", fontweight="bold")
            below = rows[at + 1][column] if at + 1 < len(rows) else None
            if below is None or below.x != panel.x:
                axis.set_xlabel(panel.x, fontsize=9)
            axis.set_ylabel(panel.y, fontsize=9)
            tidy(axis, panel.grid)
    head(figure, title, legend or {}, fill)
    caption(figure, text)
    return figure


def in_rows(panels: Sequence[Panel], columns: int) -> list[list[Panel | None]]:
    """Rows of so many panels, at least one row; gaps fill the last."""
    padded: list[Panel | None] = [*panels, *[None] * (-len(panels) % columns or columns * (not panels))]
    return [padded[at : at + columns] for at in range(0, len(padded), columns)]


def tidy(axis: Axes, grid: Literal["x", "y", "both"]) -> None:
    """No box, a faint grid, small tick labels."""
    axis.grid(axis=grid, alpha=0.3)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9)


def caption(figure: Figure, text: str) -> None:
    """How to read the figure, below it and wrapped to its width."""
    wrapped = textwrap.fill(text, int(figure.get_figwidth() * 15))
    figure.supxlabel(wrapped, fontsize=8.5, x=0.01, ha="left", color="#333333")


def head(figure: Figure, title: str, styles: Mapping[str, Style], fill: Literal["full", "none"] = "full") -> None:
    """Title, and below it a legend that wraps: name -> how it is drawn. One block, which leaves room for itself."""
    title = textwrap.fill(title, int(figure.get_figwidth() * 10))
    if not styles:
        figure.suptitle(title, fontsize=11, fontweight="bold")
        return
    handles = [
        Line2D([], [], color=style.color, marker=style.marker, linestyle=style.line, fillstyle=fill, label=name)
        for name, style in styles.items()
    ]
    longest = max(map(len, styles)) + 8  # the drawn sample and the gap beside it
    legend = figure.legend(
        handles=handles,
        title=title,
        title_fontproperties={"size": 11, "weight": "bold"},
        loc="outside upper center",
        ncols=max(1, min(4, len(handles), int(figure.get_figwidth() * LETTERS / longest))),
        frameon=False,
        fontsize=9,
    )
    legend.get_title().set_multialignment("center")


def lanes(values: Sequence[float], gap: float) -> list[int]:
    """A lane for each value so that no two in one lane are closer than `gap`: coinciding seeds stand beside each other."""
    last: list[float] = []
    lane = [0] * len(values)
    for index in sorted(range(len(values)), key=values.__getitem__):
        free = next((at for at, end in enumerate(last) if values[index] - end >= gap), len(last))
        last[free : free + 1] = [values[index]]
        lane[index] = free
    return lane


def pages(title: str, rows: Sequence[T], most: int = ROWS_PER_FIGURE) -> list[tuple[str, Sequence[T]]]:
    """Rows of panels cut into figures of `most`, each with its title."""
    cut = [rows[at : at + most] for at in range(0, len(rows), most)]
    return [(f"{title} ({i} of {len(cut)})" if len(cut) > 1 else title, page) for i, page in enumerate(cut, start=1)]


def write_figures(figures: Sequence[Figure], folder: Path, name: str) -> list[Path]:
    """Write `folder`/name.png, name-2.png, ..., close the figures and remove what an earlier, larger table left."""
    paths = [
        folder / (f"{name}-{number}.png" if number > 1 else f"{name}.png") for number in range(1, len(figures) + 1)
    ]
    for figure, path in zip(figures, paths, strict=True):
        with replacing(path) as partial:
            partial.write_bytes(to_png(figure))
    for old in [folder / f"{name}.png", *folder.glob(f"{name}-*.png")]:
        if old not in paths:
            old.unlink(missing_ok=True)
    return paths


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG of few colors, a quarter of the size and hard to tell from one of all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png")
    with Image.open(buffer) as drawn:
        few = drawn.convert("RGB").quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small = io.BytesIO()
    few.save(small, format="png", optimize=True, dpi=(DPI, DPI))
    return small.getvalue()


def to_svg(figure: Figure) -> str:
    """The figure as an SVG element of its own; it needs no font where it is shown."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "mixupe", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    # A hundredth of a point is finer than any screen; paths with six decimals would be twice as long.
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg[svg.index("<svg") :])
