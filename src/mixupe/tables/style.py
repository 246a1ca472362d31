"""How every figure of a table looks, and how it is written: the same bytes from the same records."""

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mixupe.augmentation.method import Style
from mixupe.augmentation.registry import style_of
from mixupe.files import replacing

T = TypeVar("T")

DPI = 150
# Panels of more rows than this are hard to read on one page; further rows go to further figures.
ROWS_PER_FIGURE = 6
# Cells (data sets) up to which a table has pictures.
MOST_CELLS = 24


# For all that has no style of its own (`mixupe.augmentation.method`), such as the points of a grid, in their order. Okabe
# and Ito's palette, which colour-blind readers can tell apart; its yellow is too pale for lines on white.
ORDERED = (
    Style("#0072B2", "o", "-"),
    Style("#D55E00", "s", "--"),
    Style("#009E73", "^", "-."),
    Style("#CC79A7", "D", ":"),
    Style("#E69F00", "v", "-"),
    Style("#56B4E9", "P", "--"),
    Style("#000000", "X", "-."),
)


def method_styles(methods: Sequence[str]) -> dict[str, Style]:
    """How each is drawn: methods that say so the same everywhere, those of a grid (`mixupe eta=0.1`) by their order."""
    known = {method: style for method in methods if (style := style_of(method)) is not None}
    if len(known) == len(set(methods)):
        return known
    return {method: ORDERED[i % len(ORDERED)] for i, method in enumerate(methods)}


def tidy(axis: Axes, grid: str) -> None:
    """No box, a faint grid (`x`, `y` or `both`), small tick labels."""
    axis.grid(axis=grid, alpha=0.3)  # type: ignore[arg-type]
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9)


def caption(figure: Figure, text: str) -> None:
    """How to read the figure, below it and wrapped to its width."""
    wrapped = textwrap.fill(text, int(figure.get_figwidth() * 15))
    figure.supxlabel(wrapped, fontsize=8.5, x=0.01, ha="left", color="#333333")


def heading(figure: Figure, title: str) -> None:
    """Title of a figure without a legend, wrapped to its width."""
    figure.suptitle(textwrap.fill(title, int(figure.get_figwidth() * 10)), fontsize=11, fontweight="bold")


def head(figure: Figure, title: str, styles: Mapping[str, Style], fill: Literal["full", "none"] = "full") -> None:
    """Title, and below it one legend for all panels: name -> how it is drawn. One block, which leaves room for itself."""
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, linestyle=style.line, fillstyle=fill, label=name)
        for name, style in styles.items()
    ]
    legend = figure.legend(
        handles=handles,
        title=textwrap.fill(title, int(figure.get_figwidth() * 10)),
        title_fontproperties={"size": 11, "weight": "bold"},
        loc="outside upper center",
        ncols=min(4, len(handles)),
        frameon=False,
        fontsize=9,
    )
    legend.get_title().set_multialignment("center")


def pages(title: str, rows: Sequence[T], most: int = ROWS_PER_FIGURE) -> list[tuple[str, Sequence[T]]]:
    """Rows of panels cut into figures of `most`, each with its title."""
    cut = [rows[at : at + most] for at in range(0, len(rows), most)]
    return [(f"{title} ({i} of {len(cut)})" if len(cut) > 1 else title, page) for i, page in enumerate(cut, start=1)]


def write_figures(figures: Sequence[Figure], folder: Path, name: str) -> list[Path]:
    """Write `folder`/name.png, name-2.png, ..., close the figures and remove what an earlier, larger table left."""
    paths = [
        folder / (f"{name}.png" if number == 1 else f"{name}-{number}.png") for number in range(1, len(figures) + 1)
    ]
    for figure, path in zip(figures, paths, strict=True):
        with replacing(path) as partial:
            # The version of matplotlib would otherwise be part of the bytes.
            figure.savefig(partial, dpi=DPI, format="png", metadata={"Software": None})
        plt.close(figure)
    for old in [folder / f"{name}.png", *folder.glob(f"{name}-*.png")]:
        if old not in paths:
            old.unlink(missing_ok=True)
    return paths


def to_svg(figure: Figure) -> str:
    """The figure as an SVG element of its own, and close it; it needs no font where it is shown."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "mixupe", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = buffer.getvalue()
    # A hundredth of a point is finer than any screen; paths with six decimals would be twice as long.
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg[svg.index("<svg") :])
