"""Builds a table's files from its records; needs no training, no network and no W&B."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mixupe.errors import UserError
from mixupe.experiment.kept import kept_ids
from mixupe.files import write_text
from mixupe.places import RESULTS
from mixupe.tables.collect import DeclaredRun, keep_records
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.declared import look_up, published, tuned_sets
from mixupe.tables.escape import csv_text
from mixupe.tables.evaluation import FURTHER_FILES, Evaluation, OverSetsFound, parts_to_markdown
from mixupe.tables.manifest import Table
from mixupe.tables.nested import nested_frame
from mixupe.tables.over_sets.comparison import compared
from mixupe.tables.over_sets.explain import explanations, gains
from mixupe.tables.over_sets.properties import read_properties
from mixupe.tables.paper import with_figures
from mixupe.tables.pictures.of_table import write_pictures
from mixupe.tables.render import comparisons_to_csv, to_csv, to_latex, to_markdown
from mixupe.tables.resampling import resamplings
from mixupe.tables.search import ranking, ranking_to_markdown
from mixupe.tables.shown import Shown, shown
from mixupe.tables.verdict import compare_with_paper
from mixupe.tables.waterfall import ways


@dataclass(frozen=True)
class BuiltTable:
    """A table whose files have been written to `folder`."""

    table: Table
    runs: list[DeclaredRun]
    found: Evaluation
    folder: Path

    @property
    def frame(self) -> pd.DataFrame:
        """Its rows."""
        return self.found.frame


def evaluate(
    table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str] = (), results: Path | None = None
) -> Evaluation:
    """What the table says of its runs; see `build_table` for the other arguments."""
    kept = shown(table, runs)
    comparisons = comparison_frame(kept.rows, table.metric, tuned_sets(table))
    frame = table_frame(kept.rows, comparisons, table.metric)
    figures = published(table, runs, extra)
    return Evaluation(
        shown=kept,
        comparisons=comparisons,
        frame=with_figures(frame, figures),
        paper=compare_with_paper(frame, comparisons, figures, resamplings(kept.rows)),
        nested=_nested(table, frame, extra, results),
        ways=ways(table.waterfall, kept.rows),
        over_sets=_over_sets(table, runs, kept, (results or RESULTS) / table.name),
    )


def _over_sets(table: Table, runs: Sequence[DeclaredRun], kept: Shown, folder: Path) -> OverSetsFound | None:
    """The verdict of a table that asks for one; `folder` may hold the properties of its data sets."""
    if table.over_sets is None:
        return None
    found = compared(table.over_sets, runs, kept.trained)
    known = gains(found, read_properties(folder))
    return OverSetsFound(found, known, explanations(known))


def _nested(table: Table, frame: pd.DataFrame, extra: Sequence[str], results: Path | None) -> pd.DataFrame | None:
    """Rows of the table beside those of the one that its `nested` names."""
    if table.nested is None:
        return None
    other, runs = look_up(table.nested, extra, results)
    return nested_frame(frame, evaluate(other, runs, extra, results).frame)


def build_table(name: str, extra: Sequence[str] = (), results: Path | None = None) -> BuiltTable:
    """Collect the records of a declared table and write its files.

    A comparison: table.md, .csv, .tex, .png, curves.png, and where a baseline is declared comparisons.csv and
    differences.png. Where the table has it: grid.csv of a selection, nested.csv, waterfall.csv and .png, and beside
    published figures paper.csv, .tex, .png and claims.csv. A search: table.csv, and in table.md and ranking.csv the
    settings of each method, the best first. Both: eta.png where MixupE runs with several eta. With a verdict over the data
    sets: over_sets.csv, sets.csv, ranks.csv, verdict.png and ranks.png, and where their properties are known gains.csv,
    explained.csv and gains.png.

    Args:
        name: of configs/table/<name>.yaml.
        extra: command-line overrides of all its runs, such as seed=0,1.
        results: folder that holds one folder a table; None is the project's own.
    """
    table, runs = look_up(name, extra, results)
    return write_table(table, runs, (results or RESULTS) / table.name, extra)


def write_table(table: Table, runs: list[DeclaredRun], folder: Path, extra: Sequence[str] = ()) -> BuiltTable:
    """As `build_table`, of a table whose runs have been looked up, into `folder`.

    Raises:
        UserError: no declared run has a record, and the table of an earlier declaration would be written over.
    """
    if not any(run.record for run in runs) and kept_ids(folder):
        raise UserError(
            f"table: none of the {len(runs)} runs that {table.name} declares has a record, those in {folder} are of an"
            " earlier declaration; its table is left as it is"
        )
    keep_records(table, runs, folder)
    found = evaluate(table, runs, extra, folder.parent)
    write_text(folder / "table.csv", to_csv(found.frame))
    write_pictures(table, found, folder)
    written = found.files(table.title)
    for name in FURTHER_FILES:
        if name in written:
            write_text(folder / name, written[name])
        else:
            (folder / name).unlink(missing_ok=True)
    if table.is_search:
        settings = ranking(runs)
        write_text(folder / "ranking.csv", csv_text(settings))
        write_text(folder / "table.md", ranking_to_markdown(table.title, settings, runs))
        return BuiltTable(table, runs, found, folder)
    text = to_markdown(table.title, found.frame, found.comparisons, runs, found.sentences() + found.notes())
    write_text(folder / "table.md", text + parts_to_markdown(found.parts()))
    write_text(folder / "table.tex", to_latex(table.title, found.frame))
    if len(found.comparisons):
        write_text(folder / "comparisons.csv", comparisons_to_csv(found.comparisons))
    return BuiltTable(table, runs, found, folder)
