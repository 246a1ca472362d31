"""Builds a table's files from its records; needs no training, no network and no W&B."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from mixupe.experiment.compose import CONFIGS, hydra_initialised
from mixupe.experiment.files import write_text
from mixupe.experiment.search_path import own_folders
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
    """The declared table configs/table/<name>.yaml, here or in a folder of the user's own.

    Raises:
        UserError: there is none, or it is wrong.
    """
    folders = [*own_folders(), CONFIGS]  # of one name, ours is the one that Hydra finds
    tables = {path.stem: path for folder in folders for path in (folder / "table").glob("*.yaml")}
    if name not in tables:
        raise UserError(f"table: {name!r} is unknown, allowed are {', '.join(sorted(tables))}")
    return Table.parse(yaml.safe_load(tables[name].read_text()))


def look_up(name: str, extra: Sequence[str] = (), results: Path | None = None) -> tuple[Table, list[DeclaredRun]]:
    """A declared table and its runs with their states; see `build_table` for the arguments."""
    table = read_table(name)
    with hydra_initialised():
        runs = declared_runs(table, (results or RESULTS) / table.name, extra)
    _published(table, runs, extra)
    return table, runs


def _published(table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str]) -> list[Figure]:
    """The paper's figures for the table; each must have its row, unless the command line chose another model."""
    figures = read_figures(CONFIGS / "paper", table.name)
    if not any(one.startswith("model=") for one in extra):
        check_figures(figures, runs, table.name)
    return figures


def evaluate(table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Paired comparisons (`compare.comparison_frame`) and rows (`rows.table_frame`, with published figures) of a table."""
    comparisons = comparison_frame(runs, table.metric)
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
