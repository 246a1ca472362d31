"""The pictures of a table: which there are, and how they are written beside its files."""

from collections.abc import Sequence
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
from mixupe.tables.pictures.over_sets import gain_figures, probability_figures, rank_figures
from mixupe.tables.pictures.waterfall import waterfall_figures
from mixupe.tables.render import MOST_CELLS

# Name of the file, without .png -> what it shows, for those who do not see it; in the order in which a reader wants them.
PICTURES = {
    "verdict": "How probable better, equal and worse are on a further data set",
    "ranks": "Mean ranks over the data sets",
    "gains": "Differences against properties of the data sets",
    "waterfall": "Differences step by step",
    "paper": "Our errors and the paper's",
    "differences": "Paired differences with intervals",
    "table": "Errors of each seed",
    "eta": "Error against eta",
    "curves": "Learning curves",
    "spread": "Validation error of each method's seeds",
    "losses": "Training and test loss",
}


def table_figures(table: Table, found: Evaluation) -> dict[str, Sequence[Figure]]:
    """The pages of each of PICTURES, in that order; none of what the table does not have.

    Of a search, the error against eta alone. A table of more than MOST_CELLS cells has none with a panel a cell: nobody
    reads hundreds of them, and drawing them takes longer than everything else.
    """
    title, trained = table.title, found.shown.trained
    over_sets: dict[str, Sequence[Figure]] = {}
    if found.over_sets is not None:
        over_sets["verdict"] = probability_figures(title, found.over_sets.compared)
        over_sets["ranks"] = rank_figures(title, found.over_sets.compared)
        over_sets["gains"] = gain_figures(title, found.over_sets.gains)
    if len(table.cells) > MOST_CELLS:
        return over_sets
    eta = eta_figures(title, trained, table.metric)
    if table.is_search:
        return {"eta": eta}
    levels = [] if found.paper is None else found.paper.levels
    return over_sets | {
        "waterfall": waterfall_figures(title, found.ways),
        "paper": dumbbell_figures(title, levels),
        "differences": [difference_figure(title, found.comparisons)] if len(found.comparisons) else [],
        "table": [error_figure(title, found.frame, errors_by_seed(found.shown.rows))],
        "eta": eta,
        "curves": curve_figures(title, trained),
        "spread": spread_figures(title, trained),
        "losses": loss_figures(title, trained),
    }


def write_pictures(table: Table, found: Evaluation, folder: Path) -> None:
    """Write them and remove what an earlier build left."""
    figures = table_figures(table, found)
    for name in PICTURES:
        write_figures(figures.get(name, ()), folder, name)


def written_pictures(folder: Path) -> list[tuple[str, Path]]:
    """Name and file of each page that `write_pictures` left, in order."""
    found = []
    for name in PICTURES:
        files = [
            folder / f"{name}.png",
            *sorted(folder.glob(f"{name}-*.png"), key=lambda path: (len(path.name), path.name)),
        ]
        found += [(name, path) for path in files if path.is_file()]
    return found
