"""table.png (each data set a panel, each method a row, every seed a dot) and differences.png (a forest plot)."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.tables.compare import SIGNIFICANCE
from mixupe.tables.pictures.canvas import ORDERED, Panel, compose, in_rows, lanes, method_styles

# Where test parts are drawn anew, seeds share examples, and the variance of the mean is corrected for it.
INTERVAL = "its 95% t interval, corrected for test parts drawn anew"
# Between the middles of two seeds' dots that are still two dots, as a share of the axis.
DOT = 0.018


def error_figure(title: str, frame: pd.DataFrame, errors: Mapping[tuple[int, str], Mapping[int, float]]) -> Figure:
    """Test error per data set and method with 95% intervals.

    Args:
        title: of the table.
        frame: its rows.
        errors: (cell, augmentation) -> seed -> test error in percent.
    """
    groups = list(frame.groupby(["cell", "dataset", "model"], sort=False))
    columns = min(3, len(groups))
    styles = method_styles(list(dict.fromkeys(frame["augmentation"])))
    panels = []
    for number, ((cell, dataset, model), group) in enumerate(groups):
        seeds = {method: list(errors[int(str(cell)), method].values()) for method in group["augmentation"]}
        draw = partial(_errors, group=group, seeds=seeds, styles=styles, named=number % columns == 0)
        panels.append(Panel(draw, f"{dataset} ({model})", "test error (%)"))
    rows = in_rows(panels, columns)
    size = (4.2 * max(columns, 1.6), 1.5 + len(rows) * (0.75 + 0.37 * len(styles)))
    text = f"Large mark: mean over seeds; line: {INTERVAL}; dots: seeds, equal ones below each other. Lower is better."
    return compose(title, rows, size, text)


def _errors(
    axis: Axes, group: pd.DataFrame, seeds: Mapping[str, Sequence[float]], styles: Mapping[str, Style], named: bool
) -> None:
    rows = {row["augmentation"]: row for _, row in group.iterrows() if row["n"] > 0}
    ends = [float(row[end]) for row in rows.values() for end in ("ci_low", "ci_high")]
    ends = [end for end in ends if not math.isnan(end)] + [value for values in seeds.values() for value in values]
    span = (max(ends) - min(ends) if ends else 0.0) or 1.0
    for y, (method, style) in enumerate(styles.items()):
        if method not in rows:
            continue
        row, lane = rows[method], lanes(seeds[method], DOT * span)
        step = min(0.1, 0.42 / max(1, *lane, 1))
        places = [y + 0.2 + step * number for number in lane]
        axis.plot(seeds[method], places, "o", color=style.color, alpha=0.6, ms=3.5, markeredgewidth=0)
        axis.plot(row["mean"], y, style.marker, color=style.color, markersize=6)
        axis.plot([row["ci_low"], row["ci_high"]], [y, y], "-", color=style.color, linewidth=1.5)
    if not rows:
        axis.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axis.transAxes)
        axis.set_xticks([])
    low, high = axis.get_xlim()
    axis.set_xlim(max(low, -0.03 * high), high)  # no error lies below 0, whatever an interval says
    axis.set_yticks(range(len(styles)), list(styles) if named else [""] * len(styles))
    axis.set_ylim(len(styles) - 0.35, -0.5)
    axis.locator_params(axis="x", nbins=6)


def difference_figure(title: str, comparisons: pd.DataFrame) -> Figure:
    """A forest plot: each cell a row, the paired difference of each method to mixup with its 95% interval.

    Args:
        title: of the table.
        comparisons: as `compare.comparison_frame` makes them, not empty.
    """
    baseline = comparisons["baseline"].iloc[0]
    shown = comparisons[comparisons["baseline"] == baseline]
    styles = method_styles(list(dict.fromkeys(shown["augmentation"])))
    cells = len(shown["cell"].unique())
    # The names of more methods than there are colors stand beside their lines.
    named = len(styles) > len(ORDERED)
    draw = partial(_forest, shown=shown, styles=styles, named=named)
    return compose(
        f"{title}: paired differences to {baseline}",
        [[Panel(draw, x=f"test error minus that of {baseline} (percentage points)")]],
        (7.5, 2.0 + 0.2 * cells * (len(styles) + 1)),
        f"Mark: mean over seeds; line: {INTERVAL}. Left of 0 is better than {baseline}. Filled marks are significant"
        " (p < 0.05 in a paired t test, Holm-adjusted over the table), open ones are not.",
        None if named else styles,
        fill="none",
    )


def _forest(axis: Axes, shown: pd.DataFrame, styles: Mapping[str, Style], named: bool) -> None:
    names: dict[Any, str] = {}
    for _, row in shown.iterrows():
        place = list(names).index(row["cell"]) if row["cell"] in names else len(names)
        names[row["cell"]] = f"{row['dataset']}\n({row['model']}{', tuned on' if row['tuned_on'] else ''})"
        style = styles[row["augmentation"]]
        y = place - 0.5 + (list(styles).index(row["augmentation"]) + 1) / (len(styles) + 1)
        # A filled mark is a significant difference, an open one is not: readable without color.
        face = style.color if row["p_holm"] < SIGNIFICANCE else "white"
        axis.plot([row["ci_low"], row["ci_high"]], [y, y], "-", color=style.color, linewidth=1.5)
        axis.plot(row["delta"], y, style.marker, color=style.color, markerfacecolor=face, markersize=6)
        if named:
            missing = " (no runs)" if math.isnan(row["delta"]) else ""
            at = ("axes fraction", "data")
            axis.annotate(f"{row['augmentation']}{missing}", (1.01, y), xycoords=at, va="center", fontsize=8)
    for place in range(0, len(names), 2):
        axis.axhspan(place - 0.5, place + 0.5, color="#f1f1f1", linewidth=0, zorder=0)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(names)), list(names.values()))
    axis.set_ylim(len(names) - 0.5, -0.5)
