"""Learning curves of runs: their numbers, and how they are drawn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from mixupe.experiment.metrics_log import MetricsLog, Row
from mixupe.runs.stored import StoredRun
from mixupe.tables.pictures.canvas import tidy
from mixupe.tables.pictures.curves import PANELS


def curves_of(run: StoredRun) -> list[Row]:
    """A row an epoch; of a run without a folder, from its record. Empty where neither is there."""
    rows = MetricsLog(run.folder.metrics).rows()
    if rows or run.record is None or "curves" not in run.record:
        return rows
    curves = run.record["curves"]
    return [dict(zip(curves, values, strict=True)) for values in zip(*curves.values(), strict=True)]


def draw_curves(axes: Iterable[Axes], runs: Sequence[tuple[Sequence[Row], Mapping[str, Any]]]) -> None:
    """A panel each of PANELS; `runs` are rows of curves and how their line looks, as of matplotlib's `plot`."""
    for axis, (key, label) in zip(axes, PANELS.items(), strict=True):
        for rows, look in runs:
            axis.plot(range(1, len(rows) + 1), [row[key] for row in rows], **look)
        axis.set_ylabel(label, fontsize=9)
        axis.set_xlabel("epoch", fontsize=9)
        axis.locator_params(axis="x", integer=True)
        tidy(axis, "both")
