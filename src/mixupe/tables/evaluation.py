"""All that a table says of its records: what table.md, the further files and the report page are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mixupe.tables import nested, paper_files, select, waterfall
from mixupe.tables.escape import csv_text, markdown, markdown_table
from mixupe.tables.over_sets import files as over_sets_files
from mixupe.tables.over_sets.comparison import Compared
from mixupe.tables.over_sets.explain import Explanation
from mixupe.tables.paper_files import Lines
from mixupe.tables.shown import Shown
from mixupe.tables.verdict import PaperComparison
from mixupe.tables.waterfall import Way

# Written by some tables alone; what an earlier build left is removed.
FURTHER_FILES = (
    *("grid.csv", "nested.csv", "paper.csv", "claims.csv", "paper.tex", "waterfall.csv"),
    *("over_sets.csv", "sets.csv", "ranks.csv", "gains.csv", "explained.csv"),
)


@dataclass(frozen=True)
class Part:
    """A table beside the main one, with how to read it."""

    title: str
    grid: Lines
    note: str


@dataclass(frozen=True)
class OverSetsFound:
    """What a table's verdict over its data sets is made of.

    Attributes:
        gains: as `explain.gains` makes them; empty where no property of a data set is known.
    """

    compared: Compared
    gains: pd.DataFrame
    explained: list[Explanation]

    def parts(self) -> list[Part]:
        found = self.compared
        note = over_sets_files.NOTE.format(rope=found.rope)
        return [
            Part("Over the data sets, with probabilities", over_sets_files.comparison_grid(found), note),
            Part("Mean ranks", over_sets_files.rank_grid(found), over_sets_files.RANK_NOTE),
            Part("When does it help?", over_sets_files.explanation_grid(self.explained), over_sets_files.EXPLAIN_NOTE),
        ]

    def files(self) -> dict[str, str]:
        found, written = self.compared, {}
        if found.comparisons:
            written["over_sets.csv"] = over_sets_files.comparisons_to_csv(found)
            written["sets.csv"] = over_sets_files.sets_to_csv(found)
        if found.ranks:
            written["ranks.csv"] = over_sets_files.ranks_to_csv(found)
        if len(self.gains):
            written["gains.csv"] = csv_text(self.gains, list(self.gains.columns))
        if self.explained:
            written["explained.csv"] = over_sets_files.explanations_to_csv(self.explained)
        return written


@dataclass(frozen=True)
class Evaluation:
    """All that a table says of its runs.

    Attributes:
        shown: the runs behind the rows.
        comparisons: as `compare.comparison_frame` makes them.
        frame: the rows, as `compare.table_frame` makes them, with published figures.
        paper: None where nothing is published.
        nested: rows beside those of the table that `nested` names (`nested.nested_frame`).
        ways: of a table with a waterfall.
        over_sets: of a table with a verdict over its data sets.
    """

    shown: Shown
    comparisons: pd.DataFrame
    frame: pd.DataFrame
    paper: PaperComparison | None
    nested: pd.DataFrame | None
    ways: list[Way]
    over_sets: OverSetsFound | None = None

    def sentences(self) -> list[str]:
        """What came out over the data sets, and beside the paper."""
        found = self.over_sets
        verdict = (
            []
            if found is None
            else over_sets_files.sentences(found.compared, found.explained, has_properties=bool(len(found.gains)))
        )
        return verdict + ([] if self.paper is None else paper_files.paper_sentences(self.paper))

    def notes(self) -> list[str]:
        """How settings were chosen."""
        return [] if self.shown.selection is None else select.choice_lines(self.shown.selection)

    def parts(self) -> list[Part]:
        """The most important first."""
        found = [] if self.over_sets is None else self.over_sets.parts()
        if self.nested is not None:
            found.append(
                Part("Selected on test, and nested validation", nested.nested_grid(self.nested), nested.NESTED_NOTE)
            )
        if self.ways:
            found.append(Part("Step by step", waterfall.waterfall_grid(self.ways), waterfall.WATERFALL_NOTE))
        if self.paper is not None:
            found.append(Part("The paper's claims", paper_files.claim_grid(self.paper), paper_files.CLAIM_NOTE))
            found.append(Part("The paper's levels", paper_files.level_grid(self.paper), paper_files.LEVEL_NOTE))
        if self.shown.selection is not None:
            chosen = select.choice_grid(self.shown.selection)
            found.append(Part("Settings chosen", chosen, "Every setting that was tried stands in grid.csv."))
        return [part for part in found if part.grid[1]]

    def files(self, title: str) -> dict[str, str]:
        """Name -> content of the further files; `title` is the table's."""
        written = {}
        if self.shown.selection is not None:
            written["grid.csv"] = csv_text(self.shown.selection.grid)
        if self.nested is not None:
            written["nested.csv"] = csv_text(self.nested.drop(columns="declared"))
        if self.paper is not None:
            written["paper.csv"] = paper_files.levels_to_csv(self.paper)
            written["paper.tex"] = paper_files.paper_to_latex(title, self.paper)
            if self.paper.claims:
                written["claims.csv"] = paper_files.claims_to_csv(self.paper)
        if self.over_sets is not None:
            written |= self.over_sets.files()
        if self.ways:
            written["waterfall.csv"] = waterfall.waterfall_to_csv(self.ways)
        return written


def parts_to_markdown(parts: Sequence[Part]) -> str:
    """As sections that follow the table's own."""
    return "".join(f"\n## {part.title}\n\n{markdown_table(*part.grid)}\n\n{markdown(part.note)}\n" for part in parts)
