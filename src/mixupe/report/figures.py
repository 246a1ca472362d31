"""The figures of a table as pictures inside the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.curves import curve_figures
from mixupe.tables.eta import eta_figures
from mixupe.tables.manifest import Table
from mixupe.tables.plot import difference_figure, error_figure
from mixupe.tables.style import to_svg


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


def pictures(
    table: Table, runs: Sequence[DeclaredRun], frame: pd.DataFrame, comparisons: pd.DataFrame
) -> list[Picture]:
    """The same figures as beside the table, as vector graphics."""
    found: list[Picture] = []
    if not table.is_search:
        if len(comparisons):
            found.append(_picture("Paired differences with intervals", difference_figure(table.title, comparisons)))
        found.append(_picture("Errors of each seed", error_figure(table.title, frame, errors_by_seed(runs))))
    found += [_picture("Error against eta", figure) for figure in eta_figures(table.title, runs, table.metric)]
    if not table.is_search:
        found += [_picture("Learning curves", figure) for figure in curve_figures(table.title, runs)]
    return found


def _picture(text: str, figure: Figure) -> Picture:
    width = round(96 * figure.get_figwidth())
    # Percent-encoding only what an attribute or a URI cannot hold is smaller than base64.
    uri = "data:image/svg+xml," + quote(to_svg(figure), safe=" =/:;,.()[]{}@!$*'?+|~-_")
    return Picture(f"{text}; the numbers are in the tables of this section", uri, width)
