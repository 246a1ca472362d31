"""The files of an analysed run: analysis.json (everything), analysis.csv (a row a snapshot) and analysis.png."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.augmentation.none import ERM
from mixupe.experiment.analysis import Analysis
from mixupe.tables.findings import write_findings
from mixupe.tables.pictures.canvas import ORDERED, Panel, compose

# Orders that have columns of their own; the JSON file has all.
ORDERS = (1, 2, 3, 4)
# Column, list of the JSON file, the order at which that begins, and the orders shown. Some networks have but four.
BY_ORDER = (
    ("term", "terms", 1, ORDERS),
    ("term_error", "term_errors", 1, ORDERS),
    ("share", "shares", 1, ORDERS),
    ("remainder", "remainders", 0, (0, *ORDERS, 10, 30)),
)
REFERENCE = "approximate"
# Columns of a summary before those of analysis.csv.
NAMED = ("id", "dataset", "model", "augmentation", "seed", "alpha", "pairs")
LEGEND: Any = {"fontsize": 8, "framealpha": 0.8, "edgecolor": "none"}


def write_analysis(analysis: Analysis, folder: Path) -> pd.DataFrame:
    """Write the three files; gives what is in analysis.csv."""
    frame = analysis_frame(analysis)
    write_findings(folder, "analysis", analysis, frame, analysis_figure(analysis))
    return frame


def analysis_frame(analysis: Analysis) -> pd.DataFrame:
    """One row a snapshot: every number of it, of the orders the first four."""
    rows = []
    for point in analysis["points"]:
        series = {name: value for name, value in point["series"].items() if not isinstance(value, list)}
        by_order = {
            f"{column}_{k}": point["series"][name][at]
            for column, name, first, orders in BY_ORDER
            for k in orders
            if (at := k - first) < len(point["series"][name])
        }
        terms = {name: value for name, value in point["first_order"].items() if not isinstance(value, list)}
        cosines = {f"cosine_{name}": value for name, value in point["cosines"][REFERENCE].items() if name != REFERENCE}
        rows.append({"step": point["step"], "epoch": point["epoch"], **series, **by_order, **terms, **cosines})
    return pd.DataFrame(rows)


def summary_frame(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """The rows of several runs, one run after the other, each row with what names its run and how that was analysed."""
    frames = []
    for analysis in analyses:
        frame = analysis_frame(analysis)
        named = {name: analysis[name] for name in NAMED} | {"commit": analysis["code"]["commit"]}
        for at, (name, value) in enumerate(named.items()):
            frame.insert(at, name, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def analysis_figure(analysis: Analysis) -> Figure:
    """Four panels: the series' error by order, the terms over training, q against q_hat, and the gradients' cosines."""
    frame = analysis_frame(analysis)
    terms = {"mixup - clean loss": frame["mixed"] - frame["clean"]}
    terms |= {f"order {k}": frame[f"term_{k}"] for k in ORDERS[:3]}
    agreement = {
        "correlation of q and q̂": frame["correlation"],
        "same sign": frame["same_sign"],
        "|f - Jx| / |f| (median)": frame["bend_median"],
        "|J mean(x)| / |f| (median)": frame["shift_median"],
    }
    cosines = {
        column.removeprefix("cosine_"): frame[column] for column in frame.columns if column.startswith("cosine_")
    }
    steps = frame["step"]
    panels = [
        [
            Panel(partial(_errors, analysis=analysis), "Error of the series", "order K", grid="both"),
            _over_training("What mixup adds to the loss", steps, terms),
        ],
        [
            _over_training("First-order term and its approximation", steps, agreement),
            _over_training(f"Cosine with the gradient of {REFERENCE}", steps, cosines, limits=(-1.05, 1.05)),
        ],
    ]
    place = analysis["mix_at"] if analysis["mix_at"] == "input" else f"what flows into {analysis['mix_at']}"
    text = (
        f"Beta(alpha, alpha) with alpha {analysis['alpha']:g} at {place}; {analysis['pairs']} pairs of the training part,"
        f" evaluation mode, float64; weights: {analysis['weights']}. Top left: |R_K| over |R_0|; above 1 the series of"
        " order K is further from mixup's loss than the clean loss is."
    )
    return compose("{dataset} ({model}), {augmentation}, seed {seed}".format(**analysis), panels, (10, 7.5), text)


def _errors(axis: Axes, analysis: Analysis) -> None:
    points = analysis["points"]
    shown = {index: points[index] for index in dict.fromkeys((0, len(points) // 2, len(points) - 1))}
    for style, point in zip(ORDERED, shown.values(), strict=False):
        remainders = pd.Series(point["series"]["remainders"], dtype=float).abs()
        axis.plot(remainders / remainders[0], style.line, color=style.color, label=f"step {point['step']}")
    axis.axhline(1, color="black", linewidth=0.8)
    axis.set_yscale("log")
    axis.legend(**LEGEND)


def _over_training(
    title: str, steps: "pd.Series[int]", lines: dict[str, Any], limits: tuple[float, float] | None = None
) -> Panel:
    def draw(axis: Axes) -> None:
        for style, (name, values) in zip((*ORDERED, Style("#888888", "*", "-")), lines.items(), strict=False):
            axis.plot(steps, values.astype(float), style.line, marker=style.marker, ms=4, color=style.color, label=name)
        axis.axhline(0, color=ERM.style.color, linewidth=0.8)
        axis.set_xscale("symlog", linthresh=1)
        axis.set_xlim(-0.3, 1.2 * steps.max())
        if limits is not None:
            axis.set_ylim(limits)
        axis.legend(**LEGEND)

    return Panel(draw, title, "training step", grid="both")
