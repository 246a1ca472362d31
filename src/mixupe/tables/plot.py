"""table.png (each data set a panel, each method a row, every seed a dot) and differences.png (a forest plot)."""

import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

from mixupe.tables.compare import SIGNIFICANCE

# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = {"none": "#000000", "mixup": "#0072B2", "manifold_mixup": "#009E73", "mixupe": "#D55E00"}
OTHER = "#CC79A7"


def plot_errors(
    title: str, frame: pd.DataFrame, errors: Mapping[tuple[int, str], Mapping[int, float]], path: Path
) -> None:
    """Test error per data set and method with 95% intervals.

    Args:
        title: of the figure.
        frame: rows of the table.
        errors: (cell, augmentation) -> seed -> test error in percent.
        path: PNG to write.
    """
    panels = list(frame.groupby(["cell", "dataset", "model"], sort=False))
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    methods = list(dict.fromkeys(frame["augmentation"]))
    size = (4.2 * columns, 0.9 + rows * (0.9 + 0.35 * len(methods)))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, ((cell, dataset, model), group) in zip(axes.flat, panels, strict=False):
        for _, row in group.iterrows():
            y = methods.index(row["augmentation"])
            colour = COLOURS.get(row["augmentation"], OTHER)
            values = list(errors[int(str(cell)), row["augmentation"]].values())
            axis.plot(values, [y + 0.25] * len(values), "o", color=colour, alpha=0.5, markersize=4, markeredgewidth=0)
            if row["n"] > 0:
                axis.plot(row["mean"], y, "D", color=colour, markersize=6)
            if row["n"] > 1:
                axis.plot([row["ci_low"], row["ci_high"]], [y, y], "-", color=colour, linewidth=1.5)
        if not group["n"].any():
            axis.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axis.transAxes)
            axis.set_xticks([])
        low, high = axis.get_xlim()
        axis.set_xlim(max(low, -0.03 * high), high)  # no error lies below 0, whatever an interval says
        axis.set_yticks(range(len(methods)), methods)
        axis.set_ylim(len(methods) - 0.5, -0.5)
        axis.set_title(f"{dataset} ({model})", fontsize=10)
        axis.set_xlabel("test error (%)", fontsize=9)
        axis.tick_params(labelsize=9)
        axis.grid(axis="x", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{title}: mean (diamond), 95% interval (line), seeds (dots)", fontsize=11)
    figure.savefig(path, dpi=150, metadata={"Software": None})
    plt.close(figure)


def plot_differences(title: str, comparisons: pd.DataFrame, path: Path) -> None:
    """A forest plot: each cell a row, the paired difference of each method to mixup with its 95% interval.

    Args:
        title: of the figure.
        comparisons: as `compare.comparison_frame` makes them.
        path: PNG to write.
    """
    baseline = comparisons["baseline"].iloc[0]
    shown = comparisons[comparisons["baseline"] == baseline]
    cells = list(dict.fromkeys(zip(shown["cell"], shown["dataset"], strict=True)))
    methods = list(dict.fromkeys(shown["augmentation"]))
    figure, axis = plt.subplots(figsize=(7.5, 1.4 + 0.28 * len(cells) * (len(methods) + 0.6)), layout="constrained")
    step = 0.8 / max(len(methods), 1)
    for _, row in shown.iterrows():
        place = cells.index((row["cell"], row["dataset"])) + step * (methods.index(row["augmentation"]) + 0.5) - 0.4
        colour = COLOURS.get(row["augmentation"], OTHER)
        axis.plot([row["ci_low"], row["ci_high"]], [place, place], "-", color=colour, linewidth=1.5)
        # A filled diamond is a significant difference, an open one is not: readable without colour.
        significant = row["p_holm"] < SIGNIFICANCE
        face = colour if significant else "white"
        axis.plot(row["delta"], place, "D", color=colour, markerfacecolor=face, markersize=6)
    for method in methods:
        axis.plot([], [], "D-", color=COLOURS.get(method, OTHER), markerfacecolor="white", label=method)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(cells)), [dataset for _, dataset in cells])
    axis.set_ylim(len(cells) - 0.5, -0.5)
    axis.set_xlabel(f"test error minus that of {baseline} (percentage points); left of 0 is better than {baseline}")
    axis.grid(axis="x", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    axis.set_title(f"{title}: paired differences, 95% intervals; filled: significant after Holm", fontsize=11)
    figure.savefig(path, dpi=150, metadata={"Software": None})
    plt.close(figure)
