"""The pictures of a table, written beside its files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.curves import curve_figures
from mixupe.tables.eta import eta_figures
from mixupe.tables.manifest import Table
from mixupe.tables.plot import difference_figure, error_figure
from mixupe.tables.style import MOST_CELLS, write_figures


def write_pictures(
    table: Table, runs: Sequence[DeclaredRun], comparisons: pd.DataFrame, frame: pd.DataFrame, folder: Path
) -> None:
    """Write table.png, curves.png, differences.png and eta.png, and remove what an earlier build left.

    A search has eta.png alone. A table of more than MOST_CELLS cells has none: nobody reads hundreds of panels, and drawing
    them takes longer than everything else.
    """
    figures: dict[str, Sequence[Figure]] = dict.fromkeys(("table", "curves", "differences", "eta"), ())
    if len(table.cells) <= MOST_CELLS:
        figures["eta"] = eta_figures(table.title, runs, table.metric)
        if not table.is_search:
            figures["table"] = [error_figure(table.title, frame, errors_by_seed(runs))]
            figures["curves"] = curve_figures(table.title, runs)
            figures["differences"] = [difference_figure(table.title, comparisons)] if len(comparisons) else []
    for name, pages in figures.items():
        write_figures(pages, folder, name)
