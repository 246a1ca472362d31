"""Whether a table that was run again from nothing agrees with its earlier records, cell by cell."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixupe.tables.collect import DeclaredRun, grouped
from mixupe.tables.statistics import summarise
from mixupe.tables.terminal import TerminalTable

# Percentage points; far below one example of any test split, far above what another order of summing changes.
ROUNDING = 1e-6

SAME = "same bytes"
ROUNDED = "same rounded"
IN_THE_MEAN = "same mean"
DIFFERS = "differs"
INCOMPLETE = "missing"
AGREEING = (SAME, ROUNDED, IN_THE_MEAN)


@dataclass(frozen=True)
class CellReproducibility:
    """The runs of one cell and method, earlier and fresh; only seeds that have both are compared.

    Attributes:
        declared, compared: number of seeds.
        largest: largest absolute difference of a seed, in percentage points; NaN for none.
        means: fresh mean - earlier mean, in percentage points.
        low, high: 95% interval of the earlier mean, relative to it; NaN for fewer than two seeds.
        verdict: SAME (all metrics that both records have), ROUNDED (the table's metric within 1e-6 points at each seed),
            IN_THE_MEAN (the fresh mean lies in the earlier one's interval), DIFFERS, or INCOMPLETE where a record is
            missing.
    """

    dataset: str
    augmentation: str
    declared: int
    compared: int
    largest: float
    means: float
    low: float
    high: float
    verdict: str


def reproducibility(
    earlier: Sequence[DeclaredRun], fresh: Sequence[DeclaredRun], metric: str
) -> list[CellReproducibility]:
    """One entry a cell and method, in the table's order; both are the same declared runs, looked up in two places."""
    pairs = grouped(zip(earlier, fresh, strict=True), lambda pair: (pair[0].cell, pair[0].method))
    return [_cell(members, metric) for members in pairs.values()]


def _cell(members: Sequence[tuple[DeclaredRun, DeclaredRun]], metric: str) -> CellReproducibility:
    both = [(old.record["metrics"], new.record["metrics"]) for old, new in members if old.record and new.record]
    old_errors, new_errors = ([float(metrics[side][metric]) for metrics in both] for side in (0, 1))
    summary = summarise(old_errors)
    largest = max((abs(new - old) for old, new in zip(old_errors, new_errors, strict=True)), default=float("nan"))
    means = summarise(new_errors).mean - summary.mean
    low, high = summary.ci_low - summary.mean, summary.ci_high - summary.mean
    if len(both) < len(members):
        verdict = INCOMPLETE
    elif all(_same(old, new) for old, new in both):
        verdict = SAME
    elif largest <= ROUNDING:
        verdict = ROUNDED
    else:
        verdict = IN_THE_MEAN if low <= means <= high else DIFFERS
    first = members[0][0]
    return CellReproducibility(
        dataset=first.names["dataset"],
        augmentation=first.method,
        declared=len(members),
        compared=len(both),
        largest=largest,
        means=means,
        low=low,
        high=high,
        verdict=verdict,
    )


def _same(old: Mapping[str, float], new: Mapping[str, float]) -> bool:
    """To the bit; a metric that only one of two versions recorded says nothing of the run."""
    shared = sorted(old.keys() & new.keys())
    return json.dumps([old[name] for name in shared]) == json.dumps([new[name] for name in shared])


def agrees(cells: Sequence[CellReproducibility], partial: bool = False) -> bool:
    """Whether all do; those that are not complete yet do not count where `partial`."""
    return all(cell.verdict in AGREEING or (partial and cell.verdict == INCOMPLETE) for cell in cells)


def reproducibility_lines(cells: Sequence[CellReproducibility]) -> list[str]:
    """How to read the comparison, and last what came out."""
    counts = Counter(cell.verdict for cell in cells)
    told = ", ".join(f"{verdict}: {counts[verdict]}" for verdict in (*AGREEING, DIFFERS, INCOMPLETE) if counts[verdict])
    return [
        "Largest: absolute difference of a seed. Mean: difference of the means, beside the 95% interval of the earlier one.",
        f"{SAME}: all metrics at each seed; {ROUNDED}: the error, within {ROUNDING:g} points; {IN_THE_MEAN}: the fresh mean"
        f" lies in the earlier one's interval; {INCOMPLETE}: a seed lacks its earlier or its fresh record.",
        f"Run again, of {len(cells)} cells: {told}.",
    ]


def reproducibility_to_terminal(title: str, cells: Sequence[CellReproducibility]) -> TerminalTable:
    """One line a cell and method; differences are fresh - earlier, in percentage points."""
    headers = ("seeds", "largest", "mean", "95%", "verdict")
    table = TerminalTable(f"{title}: run again, fresh - earlier in percentage points", dict.fromkeys(headers, ""))
    for cell in cells:
        interval = "-" if cell.low != cell.low else f"±{cell.high:.2f}"
        numbers = [f"{cell.compared}/{cell.declared}", _points(cell.largest), _points(cell.means, "+"), interval]
        table.add(cell.dataset, cell.augmentation, [*numbers, cell.verdict])
    return table


def _points(value: float, sign: str = "") -> str:
    return "-" if value != value else "0" if value == 0 else f"{value:{sign}.2g}"
