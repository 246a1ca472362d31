"""What running a table would mean: what is done, what is missing, what it will cost. Starts nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table as RichTable

from mixupe.tables.collect import DeclaredRun

# A start begins these; a run elsewhere is left to its process, and a diverged one would diverge again.
TO_DO = ("MISSING", "INTERRUPTED")
STATES = {"DONE": "done", "RUNNING": "runs", "FAILED": "failed", "INTERRUPTED": "killed", "MISSING": "missing"}


@dataclass(frozen=True)
class PlannedCell:
    """The runs of one data set, model and augmentation.

    Attributes:
        states: state -> number of runs.
        seconds: estimated time of the runs to do, one after another; None where nothing like them has run yet.
    """

    dataset: str
    augmentation: str
    states: Counter[str]
    seconds: float | None

    @property
    def to_do(self) -> int:
        return sum(self.states[state] for state in TO_DO)


def plan(runs: Sequence[DeclaredRun]) -> list[PlannedCell]:
    """One entry a cell and augmentation, in the table's order.

    The estimate is the median time of the finished runs of the same kind; where a method has none yet, of the slowest
    method of the same cell.
    """
    kinds: dict[tuple[int, str], list[DeclaredRun]] = {}
    for run in runs:
        kinds.setdefault((run.cell, run.method), []).append(run)
    typical = {kind: _typical_seconds(members) for kind, members in kinds.items()}
    cells = []
    for (cell, augmentation), members in kinds.items():
        states = Counter(run.state for run in members)
        to_do = sum(states[state] for state in TO_DO)
        known = [seconds for (other, _), seconds in typical.items() if other == cell and seconds is not None]
        each = typical[cell, augmentation] or max(known, default=None)
        seconds = 0.0 if to_do == 0 else None if each is None else each * to_do
        cells.append(PlannedCell(members[0].names["dataset"], augmentation, states, seconds))
    return cells


def _typical_seconds(runs: Sequence[DeclaredRun]) -> float | None:
    times = [float(run.record["timing"]["seconds"]) for run in runs if run.record is not None]
    return median(times) if times else None


def total_line(cells: Sequence[PlannedCell]) -> str:
    """Runs to do and the estimate over several tables, in a sentence."""
    to_do = sum(cell.to_do for cell in cells)
    declared = sum(cell.states.total() for cell in cells)
    return f"In all {declared} runs, {to_do} to do; minutes to go: {_minutes(cells)}"


def _minutes(cells: Sequence[PlannedCell]) -> str:
    unknown = any(cell.seconds is None for cell in cells)
    return f"{sum(cell.seconds or 0.0 for cell in cells) / 60:.1f}{' + ?' if unknown else ''}"


def to_terminal(title: str, cells: Sequence[PlannedCell]) -> RichTable:
    """One line a data set and method, and a total."""
    table = RichTable(title=f"{title}: plan, nothing is started", show_footer=True)
    total: Counter[str] = sum((cell.states for cell in cells), Counter())
    table.add_column("data set", footer="total")
    table.add_column("method")
    for state, name in STATES.items():
        table.add_column(name, justify="right", footer=str(total[state]))
    table.add_column("minutes to go", justify="right", footer=_minutes(cells))
    previous = ""
    for cell in cells:
        minutes = "?" if cell.seconds is None else f"{cell.seconds / 60:.1f}"
        counts = [str(cell.states[state] or "") for state in STATES]
        table.add_row(cell.dataset if cell.dataset != previous else "", cell.augmentation, *counts, minutes)
        previous = cell.dataset
    return table
