"""curves.png: train loss, validation loss and validation error per epoch, a row a cell, a line a method."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.style import ORDERED, caption, head, method_styles, pages, tidy

PANELS = {
    "train_loss": "train loss (nats)",
    "validation_loss": "validation loss (nats)",
    "validation_error": "validation error (%)",
}
CAPTION = (
    "Line: mean over seeds; band: lowest to highest seed; axes are fitted to what follows the first tenth of the epochs."
    " Train loss is what each method minimises, on mixed labels where it mixes (MixupE: with its penalty), so it cannot"
    " be compared between methods. Validation stands where papers often show test: the test split is read once, at the"
    " end, so it has no curve."
)
PAPER_PROTOCOL = " Here protocol=paper chooses the epoch on the test part, which is what stands as validation."
# Lines of more methods than this, as in a table of a grid, could not be told apart.
MOST_METHODS = len(ORDERED)
MARKS = 6


def curve_figures(title: str, runs: Sequence[DeclaredRun]) -> list[Figure]:
    """Learning curves of a comparison.

    Args:
        title: of the table.
        runs: of the table; those without a record, or with one from before curves were kept, are left out.

    Returns:
        figures to write and close; none where no run has curves or the table has more than MOST_METHODS methods.
    """
    methods = list(dict.fromkeys(run.method for run in runs))
    if len(methods) > MOST_METHODS:
        return []
    cells = cells_with_curves(runs)
    return [_figure(heading, page, methods) for heading, page in pages(f"{title}: learning curves", cells)]


def cells_with_curves(runs: Sequence[DeclaredRun]) -> list[list[DeclaredRun]]:
    """The runs with curves of each cell that has any."""
    cells: dict[int, list[DeclaredRun]] = {}
    for run in runs:
        if run.record is not None and "curves" in run.record:
            cells.setdefault(run.cell, []).append(run)
    return [*cells.values()]


def _figure(heading: str, cells: Sequence[Sequence[DeclaredRun]], methods: Sequence[str]) -> Figure:
    size = (10.0, 1.7 + 1.9 * len(cells))
    figure, axes = plt.subplots(len(cells), len(PANELS), figsize=size, squeeze=False, layout="constrained")
    styles = method_styles(methods)
    for row, members in zip(axes, cells, strict=True):
        for axis, (curve, label) in zip(row, PANELS.items(), strict=True):
            _draw_panel(axis, curve, members, styles)
            axis.set_ylabel(label, fontsize=9)
        names = members[0].names
        row[0].set_title(f"{names['dataset']} ({names['model']})", fontsize=10, loc="left", fontweight="bold")
    for axis in axes[-1]:
        axis.set_xlabel("epoch", fontsize=9)
    head(figure, heading, styles)
    on_test = any(run.settings.protocol == "paper" for members in cells for run in members)
    caption(figure, CAPTION + (PAPER_PROTOCOL if on_test else ""))
    return figure


def _draw_panel(axis: Axes, curve: str, members: Sequence[DeclaredRun], styles: dict[str, Style]) -> None:
    """One curve of all methods of a cell, the axis fitted to what follows the first tenth of the epochs."""
    drawn = draw_curve(axis, curve, members, styles)
    settled = [values[:, values.shape[1] // 10 :] for values in drawn]
    low, high = min(float(one.min()) for one in settled), max(float(one.max()) for one in settled)
    room = 0.05 * (high - low) or 0.5
    axis.set_ylim(max(low - room, min(low, 0.0)), high + room)
    axis.locator_params(axis="both", nbins=5)
    tidy(axis, "both")


def draw_curve(
    axis: Axes, curve: str, members: Sequence[DeclaredRun], styles: dict[str, Style]
) -> list[npt.NDArray[np.float64]]:
    """Draw one curve of all methods of a cell; values (seeds, epochs) of each that has records."""
    drawn = []
    for number, (method, style) in enumerate(styles.items()):
        seeds = [run.record["curves"][curve] for run in members if run.method == method and run.record is not None]
        if seeds:
            drawn.append(np.asarray(seeds, dtype=np.float64))
            _draw_method(axis, drawn[-1], style, number / len(styles))
    return drawn


def _draw_method(axis: Axes, values: npt.NDArray[np.float64], style: Style, offset: float) -> None:
    """`values`: (seeds, epochs); `offset` in [0, 1) keeps the line's markers off those of the others."""
    epochs = np.arange(1, values.shape[1] + 1)
    every = max(1, len(epochs) // MARKS)
    axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=style.colour, alpha=0.13, linewidth=0)
    axis.plot(
        *(epochs, values.mean(axis=0)),
        color=style.colour,
        linestyle=style.line,
        linewidth=1.4,
        marker=style.marker,
        markersize=4,
        markevery=(int(offset * every), every),
    )
