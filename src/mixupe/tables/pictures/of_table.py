"""The pictures of a table: which there are, and how they are written beside its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from mixupe.tables.collect import errors_by_seed
from mixupe.tables.evaluation import Evaluation
from mixupe.tables.manifest import Table
from mixupe.tables.pictures.canvas import write_figures
from mixupe.tables.pictures.curves import curve_figures, loss_figures, spread_figures
from mixupe.tables.pictures.dumbbell import dumbbell_figures
from mixupe.tables.pictures.errors import difference_figure, error_figure
from mixupe.tables.pictures.eta import eta_figures
from mixupe.tables.pictures.waterfall import waterfall_figures
from mixupe.tables.render import MOST_CELLS


@dataclass(frozen=True)
class Picture:
    """Attributes:
    name: of the file, without .png.
    text: what it shows, for those who do not see it.
    figures: its pages; empty where the table has none of them.
    """

    name: str
    text: str
    figures: Sequence[Figure]


def table_pictures(table: Table, found: Evaluation) -> list[Picture]:
    """The pictures in the order in which a reader wants them; of a search, the error against eta alone."""
    title, trained = table.title, found.shown.trained
    eta = Picture("eta", "Error against eta", eta_figures(title, trained, table.metric))
    if table.is_search:
        return [eta]
    levels = [] if found.paper is None else found.paper.levels
    differences = [difference_figure(title, found.comparisons)] if len(found.comparisons) else []
    errors = [error_figure(title, found.frame, errors_by_seed(found.shown.rows))]
    return [
        Picture("waterfall", "Differences step by step", waterfall_figures(title, found.ways)),
        Picture("paper", "Our errors and the paper's", dumbbell_figures(title, levels)),
        Picture("differences", "Paired differences with intervals", differences),
        Picture("table", "Errors of each seed", errors),
        eta,
        Picture("curves", "Learning curves", curve_figures(title, trained)),
        Picture("spread", "Validation error of each method's seeds", spread_figures(title, trained)),
        Picture("losses", "Training and test loss", loss_figures(title, trained)),
    ]


NAMES = ("waterfall", "paper", "differences", "table", "eta", "curves", "spread", "losses")


def write_pictures(table: Table, found: Evaluation, folder: Path) -> None:
    """Write them and remove what an earlier build left.

    A table of more than MOST_CELLS cells has none: nobody reads hundreds of panels, and drawing them takes longer than
    everything else.
    """
    pictures = table_pictures(table, found) if len(table.cells) <= MOST_CELLS else []
    drawn = {picture.name: picture.figures for picture in pictures}
    for name in NAMES:
        write_figures(drawn.get(name, ()), folder, name)
