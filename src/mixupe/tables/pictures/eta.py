"""eta.png: error against MixupE's eta, a line an alpha, with mixup of the same alpha beside it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.augmentation.mixup import Mixup
from mixupe.augmentation.mixupe import MixupE
from mixupe.experiment.identity import identity
from mixupe.experiment.settings import RunSettings
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.pictures.canvas import Panel, compose, lanes, ordered_style, pages

CAPTION = (
    "Line: mean over seeds; dots: seeds. Left of the upright: mixup with the same alpha, which is MixupE without"
    " penalty and clean pass, where the table has it; the thin level line carries it on."
)


@dataclass
class Variant:
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
        figures; none where MixupE has no second eta.
    """
    # Tables name alpha in a cell's label or in the method; runs of cells that are else the same share a row.
    done = [(run, _fixed(run.settings), run.record["metrics"][metric]) for run in runs if run.record is not None]
    names: dict[str, set[str]] = {}
    for run, key, _ in done:
        names.setdefault(key, set()).add(run.names["dataset"])
    rows: dict[str, dict[str, Variant]] = {}
    for run, key, error in done:
        method = run.settings.augmentation
        if method.name == MixupE.name:
            dataset = run.names["dataset"] if len(names[key]) == 1 else run.settings.dataset.name
            heading = f"{dataset} ({run.names['model']}), {method.variant} at {method.mix_at}"
            panel = rows.setdefault(key, {}).setdefault(method.variant, Variant(heading))
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


def _figure(heading: str, label: str, rows: Sequence[Mapping[str, Variant]]) -> Figure:
    variants = list(dict.fromkeys(variant for row in rows for variant in row))
    alphas = sorted({alpha for row in rows for line in row.values() for alpha in line.mixupe})
    styles = {alpha: ordered_style(number) for number, alpha in enumerate(alphas)}
    panels = [
        [
            Panel(partial(_draw, of=row[variant], styles=styles), row[variant].name, "eta (log scale)", label, "y")
            if variant in row
            else None
            for variant in variants
        ]
        for row in rows
    ]
    size = (max(6.5, 4.2 * len(variants)), 1.5 + 2.7 * len(rows))
    legend = {f"alpha {alpha:g}": style for alpha, style in styles.items()}
    return compose(heading, panels, size, CAPTION, legend, share="row")


def _draw(axis: Axes, of: Variant, styles: Mapping[float, Style]) -> None:
    places = _places({eta for line in of.mixupe.values() for eta in line})
    x = list(places.values())
    step = min((b - a for a, b in pairwise(x)), default=1.0)
    beside = x[0] - step
    everything = [error for line in (*of.mixupe.values(), of.mixup) for errors in line.values() for error in errors]
    gap = 0.03 * ((max(everything) - min(everything)) or 1.0)
    # Lines stand apart by more than their dots are wide, so that each keeps a column of its own at every eta.
    apart = 0.75 * step / max(3, len(of.mixupe))
    for number, (alpha, line) in enumerate(sorted(of.mixupe.items())):
        shift = apart * (number - (len(of.mixupe) - 1) / 2)
        style = styles[alpha]
        points = {places[eta] + shift: errors for eta, errors in sorted(line.items())}
        _line(axis, points, style, style.line, gap, apart)
        if alpha in of.mixup:
            _line(axis, {beside + shift: of.mixup[alpha]}, style, "none", gap, apart)
            axis.axhline(fmean(of.mixup[alpha]), color=style.color, linewidth=0.7, linestyle=style.line, alpha=0.45)
    axis.axvline(beside + 0.5 * step, color="#999999", linewidth=0.8)
    axis.set_xticks([beside, *x], ["mixup", *(f"{eta:g}" for eta in places)])
    axis.set_xlim(beside - 0.5 * step, x[-1] + 0.5 * step)
    axis.tick_params(labelleft=True)


def _places(etas: set[float]) -> dict[float, float]:
    """x of each eta, in order: its decimal logarithm; eta 0, which has none, a decade below the least."""
    zero = min((math.log10(eta) for eta in etas if eta > 0), default=0.0) - 1.0
    return {eta: math.log10(eta) if eta > 0 else zero for eta in sorted(etas)}


def _line(
    axis: Axes, points: Mapping[float, Sequence[float]], style: Style, line: str, gap: float, room: float
) -> None:
    """Means joined by a line, and beside each a dot a seed; `points` are x -> errors."""
    means = [fmean(errors) for errors in points.values()]
    for x, errors in points.items():
        dots = [x + room * (0.22 + 0.16 * lane) for lane in lanes(errors, gap)]
        axis.plot(dots, errors, ".", color=style.color, alpha=0.5, markersize=6, markeredgewidth=0)
    axis.plot(
        list(points), means, color=style.color, marker=style.marker, linestyle=line, markersize=5.5, linewidth=1.4
    )
