"""The figures of a table as pictures inside the page."""

from dataclasses import dataclass
from pathlib import Path

from mixupe.html_page import data_uri
from mixupe.tables.evaluation import Evaluation
from mixupe.tables.manifest import Table
from mixupe.tables.pictures.canvas import DPI, to_png
from mixupe.tables.pictures.of_table import PICTURES, table_figures, written_pictures
from mixupe.tables.render import to_csv

# In a PNG, where its header has the width.
WIDTH = slice(16, 20)


@dataclass(frozen=True)
class Picture:
    """A figure of the report page.

    Attributes:
        text: what it shows, for those who do not see it; its own title and caption say how to read it.
        uri: `data:` URI of a PNG image.
        width: in CSS pixels, of which an inch has 96.
    """

    text: str
    uri: str
    width: int


def pictures(table: Table, found: Evaluation, folder: Path) -> list[Picture]:
    """Those beside the table in `folder`, where they are of the same errors; else they are drawn, which takes seconds."""
    if _is_current(found, folder):
        return [_picture(name, path.read_bytes()) for name, path in written_pictures(folder)]
    figures = table_figures(table, found)
    return [_picture(name, to_png(figure)) for name, pages in figures.items() for figure in pages]


def _is_current(found: Evaluation, folder: Path) -> bool:
    """Whether the table beside the pictures says what is found now: they were written together."""
    try:
        return (folder / "table.csv").read_text(encoding="utf-8") == to_csv(found.frame)
    except FileNotFoundError:
        return False


def _picture(name: str, png: bytes) -> Picture:
    width = round(96 * int.from_bytes(png[WIDTH], "big") / DPI)
    return Picture(
        f"{PICTURES[name]}; the numbers are in the tables of this section", data_uri("image/png", png), width
    )
