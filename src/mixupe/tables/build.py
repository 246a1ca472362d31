"""Builds a table's files from its records; needs no training, no network and no W&B."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from mixupe.experiment.compose import CONFIGS, hydra_initialised
from mixupe.experiment.files import write_text
from mixupe.settings import UserError
from mixupe.tables.collect import DeclaredRun, declared_runs, errors_by_seed, keep_records
from mixupe.tables.compare import comparison_frame
from mixupe.tables.manifest import Table
from mixupe.tables.plot import plot_differences, plot_errors
from mixupe.tables.render import comparisons_to_csv, to_csv, to_latex, to_markdown
from mixupe.tables.rows import table_frame
from mixupe.tables.search import ranking, ranking_to_csv, ranking_to_markdown

RESULTS = CONFIGS.parent / "results"


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
        return table, declared_runs(table, (results or RESULTS) / table.name, extra)


def build_table(name: str, extra: Sequence[str] = (), results: Path | None = None) -> BuiltTable:
    """Collect the records of a declared table and write its files.

    A comparison: table.md, .csv, .tex, .png, and where a baseline is declared comparisons.csv and differences.png. A
    search: table.csv, and in table.md and ranking.csv the settings of each method, the best first.

    Args:
        name: of configs/table/<name>.yaml.
        extra: command-line overrides of all its runs, such as seed=0,1.
        results: folder that holds one folder a table; None is the project's own.
    """
    table, runs = look_up(name, extra, results)
    folder = (results or RESULTS) / table.name
    keep_records(runs, folder)
    comparisons = comparison_frame(runs, table.metric)
    frame = table_frame(runs, comparisons, table.metric)
    write_text(folder / "table.csv", to_csv(frame))
    if table.is_search:
        settings = ranking(runs)
        write_text(folder / "ranking.csv", ranking_to_csv(settings))
        write_text(folder / "table.md", ranking_to_markdown(table.title, settings, runs))
        return BuiltTable(table, runs, frame, folder)
    write_text(folder / "table.md", to_markdown(table.title, frame, comparisons, runs))
    write_text(folder / "table.tex", to_latex(table.title, frame))
    plot_errors(table.title, frame, errors_by_seed(runs), folder / "table.png")
    if len(comparisons):
        write_text(folder / "comparisons.csv", comparisons_to_csv(comparisons))
        plot_differences(table.title, comparisons, folder / "differences.png")
    return BuiltTable(table, runs, frame, folder)
