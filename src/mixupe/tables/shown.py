"""From all runs of a table to those that its rows are made of: settings chosen, measures taken."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import Table
from mixupe.tables.measures import measured
from mixupe.tables.select import Selection, selection


@dataclass(frozen=True)
class Shown:
    """The runs behind what a table shows.

    Attributes:
        selection: how the settings were chosen; None where the table chooses nothing.
        trained: the runs whose settings are shown, each once.
        rows: the same, once a measure.
    """

    selection: Selection | None
    trained: list[DeclaredRun]
    rows: list[DeclaredRun]


def shown(table: Table, runs: Sequence[DeclaredRun]) -> Shown:
    """What the table shows of its declared runs."""
    chosen = None if table.select is None else selection(table.select, runs)
    trained = list(runs) if chosen is None else chosen.shown
    return Shown(chosen, trained, measured(table.measures, trained))
