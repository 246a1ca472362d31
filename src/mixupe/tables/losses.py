"""losses.png: training and test loss over the epochs, where the protocol reads the test part at every epoch."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mixupe.tables.collect import DeclaredRun
from mixupe.tables.curves import cells_with_curves, draw_curve
from mixupe.tables.style import caption, head, method_styles, pages, tidy

PANELS = {"train_loss": "train loss (nats, log scale)", "validation_loss": "test loss (nats, log scale)"}


def loss_figures(title: str, runs: Sequence[DeclaredRun]) -> list[Figure]:
    """A row a cell, a line a method; none unless all runs have protocol=paper, whose validation part is the test part."""
    cells = cells_with_curves(runs)
    if not cells or any(run.settings.protocol != "paper" for run in runs):
        return []
    methods = list(dict.fromkeys(run.method for run in runs))
    return [_figure(heading, page, methods) for heading, page in pages(f"{title}: loss on training and test", cells)]


def _figure(heading: str, cells: Sequence[Sequence[DeclaredRun]], methods: Sequence[str]) -> Figure:
    size = (9.0, 1.7 + 2.6 * len(cells))
    figure, axes = plt.subplots(len(cells), len(PANELS), figsize=size, squeeze=False, layout="constrained")
    styles = method_styles(methods)
    for row, members in zip(axes, cells, strict=True):
        for axis, (curve, label) in zip(row, PANELS.items(), strict=True):
            draw_curve(axis, curve, members, styles)
            axis.set_yscale("log")
            axis.set_ylabel(label, fontsize=9)
            tidy(axis, "both")
        names = members[0].names
        row[0].set_title(f"{names['dataset']} ({names['model']})", fontsize=10, loc="left", fontweight="bold")
    for axis in axes[-1]:
        axis.set_xlabel("epoch", fontsize=9)
    head(figure, heading, styles)
    caption(
        figure,
        "Line: mean over seeds; band: lowest to highest seed. Train loss is what each method minimises, by its own criterion"
        " and on mixed labels where it mixes, so it cannot be compared between methods; test loss is cross-entropy.",
    )
    return figure
