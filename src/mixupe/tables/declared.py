"""A declared table and the states of its runs: all that is known before anything is computed from records."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from mixupe.errors import UserError, perhaps
from mixupe.experiment.command_line import readable
from mixupe.experiment.compose import compose_all, compose_settings, hydra_initialised
from mixupe.experiment.search_path import own_folders, search_in
from mixupe.places import CONFIGS, RESULTS, check_checkout
from mixupe.tables.collect import DeclaredRun, declared_runs
from mixupe.tables.manifest import Table
from mixupe.tables.measures import measured
from mixupe.tables.paper import Figure, check_figures, read_figures

# One folder a table: its run store, and below results/ what is built from it. No earlier record counts as done there.
FRESH = Path("outputs/fresh")


def names_and_overrides(words: Sequence[str], config_dir: str | None) -> tuple[list[str], list[str]]:
    """What the scripts of tables are given: names of tables, and among them overrides of all their runs.

    Raises:
        UserError: an override cannot be read, or a folder of configs is not there.
    """
    overrides = readable([word for word in words if "=" in word], is_sweep=True)
    return [word for word in words if "=" not in word], search_in(config_dir, overrides)


def place(name: str, overrides: Sequence[str], fresh: bool) -> tuple[list[str], Path | None]:
    """Overrides and results folder to look up a table with, or the same table run again from nothing."""
    if not fresh:
        return list(overrides), None
    return [*overrides, f"output_root={FRESH / name}"], FRESH / name / "results"


def read_table(name: str) -> Table:
    """The declared table configs/table/<name>.yaml, here or in a folder of the user's own.

    Raises:
        UserError: there is none, or it is wrong.
    """
    check_checkout()
    folders = [*own_folders(), CONFIGS]  # of one name, ours is the one that Hydra finds
    tables = {path.stem: path for folder in folders for path in (folder / "table").glob("*.yaml")}
    if name not in tables:
        known = sorted(tables)
        raise UserError(f"table: {name!r} is unknown, allowed are {', '.join(known)}{perhaps(name, known)}")
    table = Table.parse(yaml.safe_load(tables[name].read_text()))
    check_name(table, name)
    return table


def check_name(table: Table, file: str) -> None:
    """A copy that kept its name would write over the results of the other.

    Raises:
        UserError: the table has not the name of its file.
    """
    if table.name != file:
        raise UserError(f"table.name: must be that of its file, {file}, got {table.name}")


def look_up(name: str, extra: Sequence[str] = (), results: Path | None = None) -> tuple[Table, list[DeclaredRun]]:
    """A declared table and its runs with their states; see `build_table` for the arguments."""
    table = read_table(name)
    with hydra_initialised():
        runs = declared_runs(table, (results or RESULTS) / table.name, extra)
    _check_names(list({run.cell: (run.names["dataset"], run.names["model"]) for run in runs}.values()))
    _check_seeds(table, runs)
    published(table, runs, extra)
    return table, runs


def _search_of(table: Table) -> Table | None:
    """The search that a table's settings were chosen in."""
    if table.tuned_on is None:
        return None
    search = read_table(table.tuned_on)
    if not search.is_search:
        raise UserError(f"table.tuned_on: {search.name} is no search, whose metric would be validation_error")
    return search


def check_cells(table: Table, extra: Sequence[str] = ()) -> None:
    """Refuse before anything is trained what the table would refuse of its runs afterwards; one run a cell is looked at.

    Raises:
        UserError: two cells would have the same rows, or the protocol is not the one that `select.by` needs.
    """
    cells = [(cell, methods[0]) for cell, methods in table.methods_by_cell() if methods]
    settings = compose_all([table.seed_lists(cell, method, extra)[0] for cell, method in cells])
    sets = [
        " ".join(filter(None, [of.dataset.name, cell.label])) for (cell, _), of in zip(cells, settings, strict=True)
    ]
    _check_names([(dataset, of.model.name) for dataset, of in zip(sets, settings, strict=True)])
    if table.select is not None:
        table.select.check_protocols([of.protocol for of in settings])


def _check_names(cells: Sequence[tuple[str, str]]) -> None:
    """A row is known by data set with its label, model and method.

    Raises:
        UserError: two cells would have the same rows.
    """
    numbers: dict[tuple[str, str], int] = {}
    for number, names in enumerate(cells):
        first = numbers.setdefault(names, number)
        if first != number:
            raise UserError(
                f"table.cells.{number}: {' '.join(names)} is also cells.{first}; give it a label that tells them apart"
            )


def _check_seeds(table: Table, runs: Sequence[DeclaredRun]) -> None:
    """What settings were chosen with must not judge them.

    Raises:
        UserError: a seed is one of the search's.
    """
    search = _search_of(table)
    if search is not None:
        of_search = {seed for cell in search.cells for seed in cell.seeds or search.seeds}
        again = sorted(of_search & {run.settings.seed for run in runs})
        if again:
            raise UserError(
                f"seed: {', '.join(map(str, again))} chose the settings of {table.name} in {search.name}; use others than"
                f" {', '.join(map(str, sorted(of_search)))}"
            )


def tuned_sets(table: Table) -> dict[str, str]:
    """Name of each data set that the table's settings were chosen on -> the search, empty where there was none."""
    search = _search_of(table)
    if search is None:
        return {}
    with hydra_initialised():
        cells = [compose_settings([f"dataset={cell.dataset}", *cell.overrides]) for cell in search.cells]
    return {settings.dataset.name: search.name for settings in cells}


def published(table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str]) -> list[Figure]:
    """The paper's figures for the table; each must have its row, unless the command line chose another model."""
    figures = read_figures(CONFIGS / "paper", table.name)
    if not any(override.startswith("model=") for override in extra):
        check_figures(figures, row_names(table, runs), table.name)
    return figures


def row_names(table: Table, runs: Sequence[DeclaredRun]) -> list[dict[str, str]]:
    """The names of the rows, whether or not anything has been run."""
    rows = measured(table.measures, [replace(run, method=run.column, record=None) for run in runs])
    return [run.names for run in rows]
