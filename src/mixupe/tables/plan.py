"""What running a table would mean: what is done and what it took, what is missing and what it will. Starts nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mixupe.tables.collect import DeclaredRun, grouped, option_of, titles
from mixupe.tables.terminal import TerminalTable

# A start begins these; a run elsewhere is left to its process, and a diverged one would diverge again.
TO_DO = ("MISSING", "INTERRUPTED")
STATES = {"DONE": "done", "RUNNING": "runs", "FAILED": "failed", "INTERRUPTED": "killed", "MISSING": "missing"}
# Of more settings of one method a line each would bury the others.
MOST_SETTINGS = 4


@dataclass(frozen=True)
class PlannedCell:
    """The runs of one data set, model and augmentation; where a table selects, all settings of its grid.

    Attributes:
        option: the method that its augmentation is a setting of.
        states: state -> number of runs.
        spent: seconds that the finished runs took.
        seconds: estimated time of the runs to do, one after another; None where nothing like them has run yet.
    """

    dataset: str
    augmentation: str
    option: str
    states: Counter[str]
    spent: float
    seconds: float | None

    @property
    def to_do(self) -> int:
        return sum(self.states[state] for state in TO_DO)


def plan(runs: Sequence[DeclaredRun], earlier: Sequence[DeclaredRun] = ()) -> list[PlannedCell]:
    """One entry a cell and augmentation, in the table's order.

    The estimate is the median time of the finished runs of the same kind; where a method has none yet, of the slowest
    method of the same cell; where the cell has none, by the table's other cells with its model, whose time is taken to
    grow with examples times epochs.

    Args:
        runs: of the table.
        earlier: of the same table, looked up elsewhere; only what they took counts.
    """
    timed = grouped([run for run in (*runs, *earlier) if run.record], lambda run: (run.cell, run.column))
    typical = {kind: median(map(_seconds, members)) for kind, members in timed.items()}
    works = {run.cell: _work(run) for run in runs}
    models = {run.cell: run.settings.model.name for run in runs}
    rates = [(cell, column, seconds / work) for (cell, column), seconds in typical.items() if (work := works[cell])]
    told = titles((run.names["dataset"], run.names["model"]) for run in runs)
    cells = []
    for (cell, augmentation), members in grouped(runs, lambda run: (run.cell, run.column)).items():
        states = Counter(run.state for run in members)
        to_do = sum(states[state] for state in TO_DO)
        known = [seconds for (other, _), seconds in typical.items() if other == cell]
        each = typical.get((cell, augmentation), max(known, default=None))
        work = works[cell]
        alike = [(column, rate) for other, column, rate in rates if models[other] == models[cell]]
        if each is None and work is not None and alike:
            same = [rate for column, rate in alike if column == augmentation]
            each = work * median(same or [rate for _, rate in alike])
        seconds = 0.0 if to_do == 0 else None if each is None else each * to_do
        title = told[members[0].names["dataset"], members[0].names["model"]]
        names = title, augmentation, option_of(members[0].settings.augmentation)
        cells.append(PlannedCell(*names, states, sum(map(_seconds, members)), seconds))
    return cells


def _seconds(run: DeclaredRun) -> float:
    return 0.0 if run.record is None else float(run.record["timing"]["seconds"])


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
    known = [cell.seconds for cell in cells if cell.seconds is not None]
    if not known:
        return "?"
    return f"{sum(known) / 60:.1f}{' + ?' if len(known) < len(cells) else ''}"


def to_terminal(title: str, cells: Sequence[PlannedCell]) -> TerminalTable:
    """One line a data set and method, and a total; many settings of one method are one line."""
    total: Counter[str] = sum((cell.states for cell in cells), Counter())
    # What no run is in has no column.
    shown = {state: name for state, name in STATES.items() if total[state] or state in ("DONE", "MISSING")}
    numbers = {name: str(total[state]) for state, name in shown.items()}
    minutes = {"minutes\nspent": _spent(cells), "minutes\nto go": _to_go(cells)}
    table = TerminalTable(f"{title}: plan, nothing is started", numbers | minutes)
    for (dataset, option), settings in grouped(cells, lambda cell: (cell.dataset, cell.option)).items():
        together = len(settings) > MOST_SETTINGS
        for line in [settings] if together else [[cell] for cell in settings]:
            states: Counter[str] = sum((cell.states for cell in line), Counter())
            name = f"{option}, {len(line)} settings" if together else line[0].augmentation
            counts = [str(states[state] or "") for state in shown]
            table.add(dataset, name, [*counts, _spent(line) if states["DONE"] else "", _to_go(line)])
    return table
