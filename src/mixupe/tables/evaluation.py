"""All that a table says of its records: what table.md, the further files and the report page are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mixupe.tables import nested, paper_files, select, waterfall
from mixupe.tables.escape import csv_text, markdown, markdown_table
from mixupe.tables.paper_files import Lines
from mixupe.tables.shown import Shown
from mixupe.tables.verdict import PaperComparison
from mixupe.tables.waterfall import Way

# Written by some tables alone; what an earlier build left is removed.
FURTHER_FILES = ("grid.csv", "nested.csv", "paper.csv", "claims.csv", "paper.tex", "waterfall.csv")


@dataclass(frozen=True)
class Part:
    """A table beside the main one, with how to read it."""

    title: str
    grid: Lines
    note: str


@dataclass(frozen=True)
class Evaluation:
    """Attributes:
    shown: the runs behind the rows.
    comparisons: as `compare.comparison_frame` makes them.
    frame: the rows, as `compare.table_frame` makes them, with published figures.
    paper: None where nothing is published.
    nested: rows beside those of the table that `nested` names (`nested.nested_frame`).
    ways: of a table with a waterfall.
    """

    shown: Shown
    comparisons: pd.DataFrame
    frame: pd.DataFrame
    paper: PaperComparison | None
    nested: pd.DataFrame | None
    ways: list[Way]

    def sentences(self) -> list[str]:
        """What came out beside the paper."""
        return [] if self.paper is None else paper_files.paper_sentences(self.paper)

    def notes(self) -> list[str]:
        """How settings were chosen."""
        return [] if self.shown.selection is None else select.choice_lines(self.shown.selection)

    def parts(self) -> list[Part]:
        """The most important first."""
        found = []
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
        if self.ways:
            written["waterfall.csv"] = waterfall.waterfall_to_csv(self.ways)
        return written


def parts_to_markdown(parts: Sequence[Part]) -> str:
    """As sections that follow the table's own."""
    return "".join(f"\n## {part.title}\n\n{markdown_table(*part.grid)}\n\n{markdown(part.note)}\n" for part in parts)
