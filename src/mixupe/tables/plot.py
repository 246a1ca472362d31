"""table.png (each data set a panel, each method a row, every seed a dot) and differences.png (a forest plot)."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mixupe.tables.compare import SIGNIFICANCE
from mixupe.tables.style import caption, head, heading, method_styles, tidy

# Where test parts are drawn anew, seeds share examples, and the variance of the mean is corrected for it.
INTERVAL = "its 95% t interval, corrected for test parts drawn anew"


def error_figure(title: str, frame: pd.DataFrame, errors: Mapping[tuple[int, str], Mapping[int, float]]) -> Figure:
    """Test error per data set and method with 95% intervals.

    Args:
        title: of the table.
        frame: its rows.
        errors: (cell, augmentation) -> seed -> test error in percent.
    """
    panels = list(frame.groupby(["cell", "dataset", "model"], sort=False))
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    methods = list(dict.fromkeys(frame["augmentation"]))
    size = (4.2 * max(columns, 1.6), 1.5 + rows * (0.75 + 0.33 * len(methods)))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    styles = method_styles(methods)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for number, (axis, ((cell, dataset, model), group)) in enumerate(zip(axes.flat, panels, strict=False)):
        for _, row in group.iterrows():
            y = methods.index(row["augmentation"])
            style = styles[row["augmentation"]]
            values = list(errors[int(str(cell)), row["augmentation"]].values())
            axis.plot(values, [y + 0.25] * len(values), "o", color=style.colour, alpha=0.5, ms=4, markeredgewidth=0)
            if row["n"] > 0:
                axis.plot(row["mean"], y, style.marker, color=style.colour, markersize=6)
            if row["n"] > 1:
                axis.plot([row["ci_low"], row["ci_high"]], [y, y], "-", color=style.colour, linewidth=1.5)
        if not group["n"].any():
            axis.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axis.transAxes)
            axis.set_xticks([])
        low, high = axis.get_xlim()
        axis.set_xlim(max(low, -0.03 * high), high)  # no error lies below 0, whatever an interval says
        axis.set_yticks(range(len(methods)), methods if number % columns == 0 else [""] * len(methods))
        axis.set_ylim(len(methods) - 0.5, -0.5)
        axis.set_title(f"{dataset} ({model})", fontsize=10, loc="left", fontweight="bold")
        if number + columns >= len(panels):
            axis.set_xlabel("test error (%)", fontsize=9)
        axis.locator_params(axis="x", nbins=6)
        tidy(axis, "x")
    heading(figure, title)
    caption(figure, f"Large mark: mean over seeds; line: {INTERVAL}; dots: seeds. Lower is better.")
    return figure


def difference_figure(title: str, comparisons: pd.DataFrame) -> Figure:
    """A forest plot: each cell a row, the paired difference of each method to mixup with its 95% interval.

    Args:
        title: of the table.
        comparisons: as `compare.comparison_frame` makes them, not empty.
    """
    baseline = comparisons["baseline"].iloc[0]
    shown = comparisons[comparisons["baseline"] == baseline]
    cells = {
        row["cell"]: f"{row['dataset']}\n({row['model']}{', tuned on' if row['tuned_on'] else ''})"
        for _, row in shown.iterrows()
    }
    methods = list(dict.fromkeys(shown["augmentation"]))
    styles = method_styles(methods)
    size = (7.5, 2.0 + 0.2 * len(cells) * (len(methods) + 1))
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    step = 1 / (len(methods) + 1)
    for place, cell in enumerate(cells):
        if place % 2 == 0:
            axis.axhspan(place - 0.5, place + 0.5, color="#f1f1f1", linewidth=0, zorder=0)
        for _, row in shown[shown["cell"] == cell].iterrows():
            style = styles[row["augmentation"]]
            y = place - 0.5 + step * (methods.index(row["augmentation"]) + 1)
            # A filled mark is a significant difference, an open one is not: readable without colour.
            face = style.colour if row["p_holm"] < SIGNIFICANCE else "white"
            axis.plot([row["ci_low"], row["ci_high"]], [y, y], "-", color=style.colour, linewidth=1.5)
            axis.plot(row["delta"], y, style.marker, color=style.colour, markerfacecolor=face, markersize=6)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(cells)), list(cells.values()))
    axis.set_ylim(len(cells) - 0.5, -0.5)
    axis.set_xlabel(f"test error minus that of {baseline} (percentage points)", fontsize=9)
    tidy(axis, "x")
    head(figure, f"{title}: paired differences to {baseline}", styles, fill="none")
    caption(
        figure,
        f"Mark: mean over seeds; line: {INTERVAL}. Left of 0 is better than {baseline}. Filled marks are significant"
        " (p < 0.05 in a paired t test, Holm-adjusted over the table), open ones are not.",
    )
    return figure
