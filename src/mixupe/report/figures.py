"""The figures of a table as pictures inside the page."""

from dataclasses import dataclass
from urllib.parse import quote

from matplotlib.figure import Figure

from mixupe.tables.evaluation import Evaluation
from mixupe.tables.manifest import Table
from mixupe.tables.pictures.canvas import to_svg
from mixupe.tables.pictures.of_table import table_pictures


@dataclass(frozen=True)
class Picture:
    """Attributes:
    text: what it shows, for those who do not see it; its own title and caption say how to read it.
    uri: `data:` URI of an SVG image.
    width: in CSS pixels, of which an inch has 96.
    """

    text: str
    uri: str
    width: int


def pictures(table: Table, found: Evaluation) -> list[Picture]:
    """The same figures as beside the table, as vector graphics."""
    return [_picture(one.text, figure) for one in table_pictures(table, found) for figure in one.figures]


def _picture(text: str, figure: Figure) -> Picture:
    width = round(96 * figure.get_figwidth())
    # Percent-encoding only what an attribute or a URI cannot hold is smaller than base64.
    uri = "data:image/svg+xml," + quote(to_svg(figure), safe=" =/:;,.()[]{}@!$*'?+|~-_")
    return Picture(f"{text}; the numbers are in the tables of this section", uri, width)
