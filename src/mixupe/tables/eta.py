"""eta.png: error against MixupE's eta, a line an alpha, with mixup of the same alpha beside it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.augmentation.mixup import Mixup
from mixupe.augmentation.mixupe import MixupE
from mixupe.experiment.config import RunSettings
from mixupe.experiment.identity import identity
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.style import ORDERED, caption, head, pages, tidy

CAPTION = (
    "Line: mean over seeds; dots: seeds. Left of the upright: mixup with the same alpha, which is MixupE without"
    " penalty and clean pass, where the table has it; the thin level line carries it on."
)


@dataclass
class Panel:
    """Errors in percent, one a seed, of one cell and variant: alpha -> eta -> errors, and alpha -> errors of mixup."""

    name: str
    mixupe: dict[float, dict[float, list[float]]] = field(default_factory=dict)
    mixup: dict[float, list[float]] = field(default_factory=dict)


def eta_figures(title: str, runs: Sequence[DeclaredRun], metric: str) -> list[Figure]:
    """Error against eta where a table runs MixupE with several; a row a cell, a column a variant.

    Args:
        title: of the table.
        runs: of the table; those without a record are left out.
        metric: test_error or validation_error.

    Returns:
        figures to write and close; none where MixupE has no second eta.
    """
    # Tables name alpha in a cell's label or in the method; runs of cells that are else the same share a row.
    done = [(run, _fixed(run.settings), run.record["metrics"][metric]) for run in runs if run.record is not None]
    names: dict[str, set[str]] = {}
    for run, key, _ in done:
        names.setdefault(key, set()).add(run.names["dataset"])
    rows: dict[str, dict[str, Panel]] = {}
    for run, key, error in done:
        method = run.settings.augmentation
        if method.name == MixupE.name:
            dataset = run.names["dataset"] if len(names[key]) == 1 else run.settings.dataset.name
            heading = f"{dataset} ({run.names['model']}), {method.variant} at {method.mix_at}"
            panel = rows.setdefault(key, {}).setdefault(method.variant, Panel(heading))
            panel.mixupe.setdefault(method.alpha, {}).setdefault(method.eta, []).append(error)
    for run, key, error in done:
        method = run.settings.augmentation
        if method.name == Mixup.name:
            for panel in rows.get(key, {}).values():
                panel.mixup.setdefault(method.alpha, []).append(error)
    several = [row for row in rows.values() if any(len(line) > 1 for p in row.values() for line in p.mixupe.values())]
    label = metric.replace("_", " ") + " (%)"
    return [_figure(heading, label, page) for heading, page in pages(f"{title}: error against eta", several)]


def _fixed(settings: RunSettings) -> str:
    """What the runs of a row have in common: all that counts but the method's own settings and the seed."""
    values = identity(settings)
    values = {**values, "seed": None, "augmentation": getattr(settings.augmentation, "mix_at", None)}
    return json.dumps(values, sort_keys=True)


def _figure(heading: str, label: str, rows: Sequence[Mapping[str, Panel]]) -> Figure:
    variants = list(dict.fromkeys(variant for row in rows for variant in row))
    alphas = sorted({alpha for row in rows for panel in row.values() for alpha in panel.mixupe})
    styles = {alpha: ORDERED[i % len(ORDERED)] for i, alpha in enumerate(alphas)}
    size = (max(6.5, 4.2 * len(variants)), 1.5 + 2.5 * len(rows))
    figure, axes = plt.subplots(
        len(rows), len(variants), figsize=size, squeeze=False, sharey="row", layout="constrained"
    )
    for row, panels in zip(axes, rows, strict=True):
        for axis, variant in zip(row, variants, strict=True):
            if variant in panels:
                _draw_panel(axis, panels[variant], styles)
                axis.set_ylabel(label, fontsize=9)
            else:
                axis.set_visible(False)
    head(figure, heading, {f"alpha {alpha:g}": style for alpha, style in styles.items()})
    caption(figure, CAPTION)
    return figure


def _draw_panel(axis: Axes, panel: Panel, styles: Mapping[float, Style]) -> None:
    places = _places({eta for line in panel.mixupe.values() for eta in line})
    x = list(places.values())
    step = min((b - a for a, b in pairwise(x)), default=1.0)
    beside = x[0] - step
    for number, (alpha, line) in enumerate(sorted(panel.mixupe.items())):
        # Lines stand a little apart, so that the dots of one do not hide those of another.
        shift = 0.1 * step * (number - (len(panel.mixupe) - 1) / 2)
        points = {places[eta] + shift: errors for eta, errors in sorted(line.items())}
        _draw_line(axis, points, styles[alpha], styles[alpha].line)
        if alpha in panel.mixup:
            _draw_line(axis, {beside + shift: panel.mixup[alpha]}, styles[alpha], "none")
            level = fmean(panel.mixup[alpha])
            axis.axhline(level, color=styles[alpha].colour, linewidth=0.8, linestyle=styles[alpha].line, alpha=0.6)
    axis.axvline(beside + 0.5 * step, color="#999999", linewidth=0.8)
    axis.set_xticks([beside, *x], ["mixup", *(f"{eta:g}" for eta in places)])
    axis.set_xlim(beside - 0.5 * step, x[-1] + 0.5 * step)
    axis.set_xlabel("eta (log scale)", fontsize=9)
    axis.set_title(panel.name, fontsize=10, loc="left", fontweight="bold")
    tidy(axis, "y")
    axis.tick_params(labelleft=True)


def _places(etas: set[float]) -> dict[float, float]:
    """x of each eta, in order: its decimal logarithm; eta 0, which has none, a decade below the least."""
    zero = min((math.log10(eta) for eta in etas if eta > 0), default=0.0) - 1.0
    return {eta: math.log10(eta) if eta > 0 else zero for eta in sorted(etas)}


def _draw_line(axis: Axes, points: Mapping[float, Sequence[float]], style: Style, line: str) -> None:
    """Means joined by a line, and a dot a seed; `points` are x -> errors."""
    means = [fmean(errors) for errors in points.values()]
    axis.plot(
        list(points), means, color=style.colour, marker=style.marker, markersize=5.5, linestyle=line, linewidth=1.4
    )
    for x, errors in points.items():
        axis.plot([x] * len(errors), errors, ".", color=style.colour, alpha=0.55, markersize=6, markeredgewidth=0)
