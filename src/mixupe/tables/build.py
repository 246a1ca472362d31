"""Builds a table's files from its records; needs no training, no network and no W&B."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from mixupe.experiment.compose import CONFIGS, compose_settings, hydra_initialised
from mixupe.experiment.files import write_text
from mixupe.settings import UserError
from mixupe.tables.collect import RESULTS, DeclaredRun, declared_runs, keep_records
from mixupe.tables.compare import comparison_frame
from mixupe.tables.manifest import Table
from mixupe.tables.paper import Figure, check_figures, read_figures, with_figures
from mixupe.tables.pictures import write_pictures
from mixupe.tables.render import comparisons_to_csv, to_csv, to_latex, to_markdown
from mixupe.tables.rows import table_frame
from mixupe.tables.search import ranking, ranking_to_csv, ranking_to_markdown


@dataclass(frozen=True)
class BuiltTable:
    """A table whose files have been written to `folder`."""

    table: Table
    runs: list[DeclaredRun]
    frame: pd.DataFrame
    folder: Path


def read_table(name: str) -> Table:
    """The declared table configs/table/<name>.yaml.

    Raises:
        UserError: there is none, or it is wrong.
    """
    tables = {path.stem: path for path in (CONFIGS / "table").glob("*.yaml")}
    if name not in tables:
        raise UserError(f"table: {name!r} is unknown, allowed are {', '.join(sorted(tables))}")
    return Table.parse(yaml.safe_load(tables[name].read_text()))


def look_up(name: str, extra: Sequence[str] = (), results: Path | None = None) -> tuple[Table, list[DeclaredRun]]:
    """A declared table and its runs with their states; see `build_table` for the arguments."""
    table = read_table(name)
    with hydra_initialised():
        runs = declared_runs(table, (results or RESULTS) / table.name, extra)
    _check_seeds(table, runs)
    _published(table, runs, extra)
    return table, runs


def _search_of(table: Table) -> Table | None:
    """The search that a table's settings were chosen in."""
    if table.tuned_on is None:
        return None
    search = read_table(table.tuned_on)
    if not search.is_search:
        raise UserError(f"table.tuned_on: {search.name} is no search, whose metric would be validation_error")
    return search


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


def _published(table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str]) -> list[Figure]:
    """The paper's figures for the table; each must have its row, unless the command line chose another model."""
    figures = read_figures(CONFIGS / "paper", table.name)
    if not any(one.startswith("model=") for one in extra):
        check_figures(figures, runs, table.name)
    return figures


def evaluate(table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Paired comparisons (`compare.comparison_frame`) and rows (`rows.table_frame`, with published figures) of a table."""
    comparisons = comparison_frame(runs, table.metric, tuned_sets(table))
    return comparisons, with_figures(table_frame(runs, comparisons, table.metric), _published(table, runs, extra))


def build_table(name: str, extra: Sequence[str] = (), results: Path | None = None) -> BuiltTable:
    """Collect the records of a declared table and write its files.

    A comparison: table.md, .csv, .tex, .png, curves.png, and where a baseline is declared comparisons.csv and
    differences.png. A search: table.csv, and in table.md and ranking.csv the settings of each method, the best first.
    Both: eta.png where MixupE runs with several eta.

    Args:
        name: of configs/table/<name>.yaml.
        extra: command-line overrides of all its runs, such as seed=0,1.
        results: folder that holds one folder a table; None is the project's own.
    """
    table, runs = look_up(name, extra, results)
    return write_table(table, runs, (results or RESULTS) / table.name, extra)


def write_table(table: Table, runs: list[DeclaredRun], folder: Path, extra: Sequence[str] = ()) -> BuiltTable:
    """As `build_table`, of a table whose runs have been looked up, into `folder`."""
    keep_records(runs, folder)
    comparisons, frame = evaluate(table, runs, extra)
    write_text(folder / "table.csv", to_csv(frame))
    write_pictures(table, runs, comparisons, frame, folder)
    if table.is_search:
        settings = ranking(runs)
        write_text(folder / "ranking.csv", ranking_to_csv(settings))
        write_text(folder / "table.md", ranking_to_markdown(table.title, settings, runs))
        return BuiltTable(table, runs, frame, folder)
    write_text(folder / "table.md", to_markdown(table.title, frame, comparisons, runs))
    write_text(folder / "table.tex", to_latex(table.title, frame))
    if len(comparisons):
        write_text(folder / "comparisons.csv", comparisons_to_csv(comparisons))
    return BuiltTable(table, runs, frame, folder)
