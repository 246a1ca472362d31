"""curves.png, spread.png and losses.png: what was measured at each epoch, a row a cell."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.method import Style
from mixupe.tables.collect import DeclaredRun, grouped
from mixupe.tables.pictures.canvas import ORDERED, Panel, compose, in_rows, method_styles, pages

Values = npt.NDArray[np.float64]

PANELS = {
    "train_loss": "train loss (nats)",
    "validation_loss": "validation loss (nats)",
    "validation_error": "validation error (%)",
}
LOSS_PANELS = {"train_loss": "train loss (nats, log scale)", "validation_loss": "test loss (nats, log scale)"}
FITTED = "axes are fitted to what follows the first tenth of the epochs."
NO_TEST = "Validation stands where papers often show test: the test split is read once, at the end, so it has no curve."
PAPER_PROTOCOL = " Here protocol=paper chooses the epoch on the test part, which is what stands as validation."
TRAIN_LOSS = "so it cannot be compared between methods"
# Bands of more methods than this lie over each other; then each method has a panel of its own in spread.png.
MOST_BANDS = 3
# Lines of more methods than this, as in a table of a grid, could not be told apart.
MOST_METHODS = len(ORDERED)
MOST_SPREADS = 16
SPREADS_A_ROW = 4
MARKS = 6


def curve_figures(title: str, runs: Sequence[DeclaredRun]) -> list[Figure]:
    """Learning curves of a comparison; none where no run has curves or the table has more than MOST_METHODS methods.

    Args:
        title: of the table.
        runs: of the table; those without a record, or with one from before curves were kept, are left out.
    """
    styles = _styles(runs)
    if len(styles) > MOST_METHODS:
        return []
    banded = len(styles) <= MOST_BANDS
    text = (
        f"Line: mean over seeds; {'band: lowest to highest seed; ' if banded else ''}{FITTED} Train loss is what each method"
        f" minimises, on mixed labels where it mixes (MixupE: with its penalty), {TRAIN_LOSS}. {NO_TEST}"
    )
    figures = []
    for heading, page in pages(f"{title}: learning curves", _cells(runs)):
        rows = _rows(page, PANELS, partial(_fitted, styles=styles, banded=banded))
        figures.append(compose(heading, rows, (10.0, 1.7 + 1.9 * len(rows)), text + _protocol(page), styles))
    return figures


def spread_figures(title: str, runs: Sequence[DeclaredRun]) -> list[Figure]:
    """Validation error of each method with its seeds, the others behind it; for more methods than share one panel."""
    styles = _styles(runs)
    if not MOST_BANDS < len(styles) <= MOST_SPREADS:
        return []
    columns = min(SPREADS_A_ROW, len(styles))
    declared = {(run.cell, run.method) for run in runs}
    figures = []
    for heading, page in pages(f"{title}: seeds of each method", _cells(runs), max(1, 16 // len(styles))):
        rows: list[list[Panel | None]] = []
        for members in page:
            of_cell = {method for cell, method in declared if cell == members[0].cell}
            drawn = partial(_one_of, members=members, styles=styles, declared=of_cell)
            names = {
                method: method if number else f"{_name(members)}\n{method}" for number, method in enumerate(styles)
            }
            panels = [Panel(partial(drawn, method=method), name, "epoch", "", "both") for method, name in names.items()]
            rows += in_rows(panels, columns)
        text = (
            "Validation error in percent. Strong line: mean over seeds of the method that the panel names; band: its lowest"
            f" to highest seed; grey lines: means of the others; {FITTED}{_protocol(page)}"
        )
        figures.append(compose(heading, rows, (10.0, 1.2 + 2.0 * len(rows)), text, share="row"))
    return figures


def loss_figures(title: str, runs: Sequence[DeclaredRun]) -> list[Figure]:
    """Training and test loss; none unless all runs have protocol=paper, whose validation part is the test part."""
    cells = _cells(runs)
    if not cells or any(run.settings.protocol != "paper" for run in runs):
        return []
    styles = _styles(runs)
    text = (
        "Line: mean over seeds; band: lowest to highest seed. Train loss is what each method minimises, by its own criterion"
        f" and on mixed labels where it mixes, {TRAIN_LOSS}; test loss is cross-entropy."
    )
    figures = []
    for heading, page in pages(f"{title}: loss on training and test", cells):
        rows = _rows(page, LOSS_PANELS, partial(_logarithmic, styles=styles))
        figures.append(compose(heading, rows, (9.0, 1.7 + 2.6 * len(rows)), text, styles))
    return figures


def _rows(
    cells: Sequence[Sequence[DeclaredRun]], panels: Mapping[str, str], draw: Callable[..., None]
) -> list[list[Panel | None]]:
    """A row a cell, with its name above the first panel; a panel a curve."""
    return [
        [
            Panel(partial(draw, curve=curve, members=members), "" if at else _name(members), "epoch", label, "both")
            for at, (curve, label) in enumerate(panels.items())
        ]
        for members in cells
    ]


def _styles(runs: Sequence[DeclaredRun]) -> dict[str, Style]:
    return method_styles(list(dict.fromkeys(run.method for run in runs)))


def _cells(runs: Sequence[DeclaredRun]) -> list[list[DeclaredRun]]:
    """The runs with curves of each cell that has any."""
    with_curves = [run for run in runs if run.record is not None and "curves" in run.record]
    return [*grouped(with_curves, lambda run: run.cell).values()]


def _name(members: Sequence[DeclaredRun]) -> str:
    return "{dataset} ({model})".format(**members[0].names)


def _protocol(cells: Sequence[Sequence[DeclaredRun]]) -> str:
    on_test = any(run.settings.protocol == "paper" for members in cells for run in members)
    return PAPER_PROTOCOL if on_test else ""


def _values(members: Sequence[DeclaredRun], curve: str) -> dict[str, Values]:
    """Method -> (seeds, epochs), as many epochs as all its seeds have: `per: seed` may choose trainer.epochs."""
    seeds = grouped(members, lambda run: run.method)
    curves = {
        method: [run.record["curves"][curve] for run in of_method if run.record] for method, of_method in seeds.items()
    }
    return {
        method: np.asarray([values[: min(map(len, several))] for values in several], dtype=np.float64)
        for method, several in curves.items()
    }


def _logarithmic(axis: Axes, curve: str, members: Sequence[DeclaredRun], styles: Mapping[str, Style]) -> None:
    _lines(axis, _values(members, curve), styles, banded=len(styles) <= MOST_BANDS)
    axis.set_yscale("log")


def _fitted(axis: Axes, curve: str, members: Sequence[DeclaredRun], styles: Mapping[str, Style], banded: bool) -> None:
    values = _values(members, curve)
    _lines(axis, values, styles, banded)
    _fit(axis, [of_method if banded else of_method.mean(axis=0, keepdims=True) for of_method in values.values()])


def _one_of(
    axis: Axes, members: Sequence[DeclaredRun], styles: Mapping[str, Style], declared: Collection[str], method: str
) -> None:
    values = _values(members, "validation_error")
    for other in (name for name in values if name != method):
        axis.plot(_epochs(values[other]), values[other].mean(axis=0), color="#bbbbbb", linewidth=0.8)
    if method in values:
        _lines(axis, {method: values[method]}, {method: styles[method]}, banded=True)
    else:
        why = "no runs yet" if method in declared else "not run here"
        axis.text(0.5, 0.5, why, ha="center", va="center", transform=axis.transAxes)
    _fit(axis, list(values.values()))


def _lines(axis: Axes, values: Mapping[str, Values], styles: Mapping[str, Style], banded: bool) -> None:
    """The mean of each method; marks are placed off those of the others."""
    for number, (method, style) in enumerate(styles.items()):
        if method not in values:
            continue
        seeds, epochs = values[method], _epochs(values[method])
        if banded:
            low, high = seeds.min(axis=0), seeds.max(axis=0)
            axis.fill_between(epochs, low, high, color=style.color, alpha=0.13, linewidth=0)
        every = max(1, len(epochs) // MARKS)
        marks = (int(number / len(styles) * every), every)
        axis.plot(epochs, seeds.mean(axis=0), style.line, color=style.color, linewidth=1.4)
        axis.lines[-1].set(marker=style.marker, markersize=4, markevery=marks)


def _epochs(values: Values) -> npt.NDArray[np.int_]:
    return np.arange(1, values.shape[1] + 1)


def _fit(axis: Axes, drawn: Sequence[Values]) -> None:
    """The axis fitted to what follows the first tenth of the epochs."""
    settled = [values[:, values.shape[1] // 10 :] for values in drawn]
    low, high = min(float(values.min()) for values in settled), max(float(values.max()) for values in settled)
    room = 0.05 * (high - low) or 0.5
    axis.set_ylim(max(low - room, min(low, 0.0)), high + room)
    axis.locator_params(axis="both", nbins=5)
    if all(values.shape[1] == 1 for values in drawn):
        axis.set_xticks([1])  # an axis around one value has fractions of an epoch
