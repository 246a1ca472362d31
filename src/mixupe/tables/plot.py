"""table.png: each data set a panel, each method a row, every seed a dot."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = {"none": "#000000", "mixup": "#0072B2", "manifold_mixup": "#009E73", "mixupe": "#D55E00"}
OTHER = "#CC79A7"


def plot_errors(title: str, frame: pd.DataFrame, seeds: dict[tuple[str, str, str], list[float]], path: Path) -> None:
    """Test error per data set and method with 95% intervals.

    Args:
        title: of the figure.
        frame: rows of the table.
        seeds: (dataset, model, augmentation) -> test errors in percent, one a seed.
        path: PNG to write.
    """
    panels = list(frame.groupby(["dataset", "model"], sort=False))
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    methods = list(dict.fromkeys(frame["augmentation"]))
    size = (4.2 * columns, 0.9 + rows * (0.9 + 0.35 * len(methods)))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, ((dataset, model), group) in zip(axes.flat, panels, strict=False):
        for _, row in group.iterrows():
            y = methods.index(row["augmentation"])
            colour = COLOURS.get(row["augmentation"], OTHER)
            values = seeds[str(dataset), str(model), row["augmentation"]]
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
