"""What running a table would mean: what is done and what it took, what is missing and what it will. Starts nothing."""

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
    """The runs of one data set, model and augmentation; where a table selects, all settings of its grid.

    Attributes:
        states: state -> number of runs.
        spent: seconds that the finished runs took.
        seconds: estimated time of the runs to do, one after another; None where nothing like them has run yet.
    """

    dataset: str
    augmentation: str
    states: Counter[str]
    spent: float
    seconds: float | None

    @property
    def to_do(self) -> int:
        return sum(self.states[state] for state in TO_DO)


def plan(runs: Sequence[DeclaredRun], earlier: Sequence[DeclaredRun] = ()) -> list[PlannedCell]:
    """One entry a cell and augmentation, in the table's order.

    The estimate is the median time of the finished runs of the same kind; where a method has none yet, of the slowest
    method of the same cell; where the cell has none, by the table's other cells, whose time is taken to grow with examples
    times epochs.

    Args:
        runs: of the table.
        earlier: of the same table, looked up elsewhere; only what they took counts.
    """
    times: dict[tuple[int, str], list[float]] = {}
    for run in [*runs, *earlier]:
        if run.record is not None:
            times.setdefault((run.cell, run.column), []).append(float(run.record["timing"]["seconds"]))
    typical = {kind: median(seconds) for kind, seconds in times.items()}
    works = {run.cell: _work(run) for run in runs}
    rates = [(column, seconds / work) for (cell, column), seconds in typical.items() if (work := works[cell])]
    kinds: dict[tuple[int, str], list[DeclaredRun]] = {}
    for run in runs:
        kinds.setdefault((run.cell, run.column), []).append(run)
    cells = []
    for (cell, augmentation), members in kinds.items():
        states = Counter(run.state for run in members)
        to_do = sum(states[state] for state in TO_DO)
        known = [seconds for (other, _), seconds in typical.items() if other == cell]
        each = typical.get((cell, augmentation), max(known, default=None))
        work = works[cell]
        if each is None and work is not None and rates:
            alike = [rate for column, rate in rates if column == augmentation]
            each = work * median(alike or [rate for _, rate in rates])
        seconds = 0.0 if to_do == 0 else None if each is None else each * to_do
        spent = sum(float(run.record["timing"]["seconds"]) for run in members if run.record is not None)
        cells.append(PlannedCell(members[0].names["dataset"], augmentation, states, spent, seconds))
    return cells


def _work(run: DeclaredRun) -> float | None:
    """Examples times epochs of a run; None where nobody knows the number before the data is there."""
    dataset = run.settings.dataset
    examples = dataset.train_size or dataset.card.examples
    return None if examples is None else examples * run.settings.trainer.epochs


def total_line(cells: Sequence[PlannedCell]) -> str:
    """Runs to do and the estimate over several tables, in a sentence."""
    to_do = sum(cell.to_do for cell in cells)
    declared = sum(cell.states.total() for cell in cells)
    return f"In all {declared} runs, {to_do} to do; minutes spent: {_spent(cells)}, to go: {_to_go(cells)}"


def _spent(cells: Sequence[PlannedCell]) -> str:
    return f"{sum(cell.spent for cell in cells) / 60:.1f}"


def _to_go(cells: Sequence[PlannedCell]) -> str:
    unknown = any(cell.seconds is None for cell in cells)
    return f"{sum(cell.seconds or 0.0 for cell in cells) / 60:.1f}{' + ?' if unknown else ''}"


def to_terminal(title: str, cells: Sequence[PlannedCell]) -> RichTable:
    """One line a data set and method, and a total."""
    table = RichTable(title=f"{title}: plan, nothing is started", show_footer=True)
    total: Counter[str] = sum((cell.states for cell in cells), Counter())
    # Of a table as wide as a terminal; what no run is in has no column.
    shown = {state: name for state, name in STATES.items() if total[state] or state in ("DONE", "MISSING")}
    table.add_column("data set", footer="total", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for state, name in shown.items():
        table.add_column(name, justify="right", footer=str(total[state]))
    table.add_column("minutes\nspent", justify="right", footer=_spent(cells))
    table.add_column("minutes\nto go", justify="right", footer=_to_go(cells))
    previous = ""
    for cell in cells:
        minutes = "?" if cell.seconds is None else f"{cell.seconds / 60:.1f}"
        counts = [str(cell.states[state] or "") for state in shown]
        spent = f"{cell.spent / 60:.1f}" if cell.states["DONE"] else ""
        table.add_row(cell.dataset if cell.dataset != previous else "", cell.augmentation, *counts, spent, minutes)
        previous = cell.dataset
    return table
