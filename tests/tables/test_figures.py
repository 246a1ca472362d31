"""What the figures show, cut into pages, and written to the same bytes from the same records."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mixupe.augmentation.mixup import Mixup
from mixupe.augmentation.registry import own_methods
from mixupe.tables.collect import DeclaredRun, errors_by_seed
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.manifest import Table
from mixupe.tables.pictures.canvas import (
    ORDERED,
    ROWS_PER_FIGURE,
    Panel,
    compose,
    lanes,
    method_styles,
    to_svg,
    write_figures,
)
from mixupe.tables.pictures.curves import curve_figures, spread_figures
from mixupe.tables.pictures.errors import difference_figure, error_figure
from mixupe.tables.pictures.eta import eta_figures
from tests.tables.fake import fake_runs

COMPARISON = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1, 2],
    "augmentations": {"none": [], "mixup": [], "mixupe": ["augmentation.eta=0.5"]},
    "cells": [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}],
}
ETA = {
    **COMPARISON,
    "augmentations": {"mixup": [], "mixupe": ["augmentation.variant=v2,v3", "augmentation.eta=0,0.01,0.1"]},
    "cells": [
        {"dataset": "tabular/wine", "label": "alpha=1", "overrides": ["augmentation.alpha=1"]},
        {"dataset": "tabular/wine", "label": "alpha=2", "overrides": ["augmentation.alpha=2"]},
    ],
}


def runs_of(table: dict[str, Any], folder: Path) -> list[DeclaredRun]:
    """Method m of cell c has error 10 + m + 3 c, plus the seed."""
    methods = {method.name: number for number, method in enumerate(Table.parse(table).methods())}
    return fake_runs(
        Table.parse(table), folder, lambda run: 10 + methods[run.method] + 3 * run.cell + run.settings.seed
    )


def visible(figure: Figure) -> list[Axes]:
    return [axis for axis in figure.axes if axis.get_visible()]


def heights(line: Line2D) -> list[float]:
    values: list[float] = np.asarray(line.get_ydata(), dtype=np.float64).tolist()
    return values


def test_curves_have_a_row_a_cell_and_a_line_a_method(tmp_path: Path) -> None:
    (figure,) = curve_figures("Toy", runs_of(COMPARISON, tmp_path))
    assert [axis.get_ylabel() for axis in visible(figure)[:3]] == [
        *("train loss (nats)", "validation loss (nats)", "validation error (%)")
    ]
    assert [axis.get_title(loc="left") for axis in visible(figure)[::3]] == ["wine (mlp)", "iris (mlp)"]
    error = visible(figure)[2]
    assert [line.get_marker() for line in error.lines] == ["o", "s", "D"]
    assert heights(error.lines[1])[0] == pytest.approx(11 + 1 + 60), (
        "mixup in the first cell, mean of the seeds' 11, 12, 13"
    )
    caption = figure.get_supxlabel()
    assert "lowest to highest seed" in caption
    assert "cannot be compared" in " ".join(caption.split())


def test_records_from_before_curves_have_none(tmp_path: Path) -> None:
    old = [
        replace(run, record={key: value for key, value in (run.record or {}).items() if key != "curves"})
        for run in runs_of(COMPARISON, tmp_path)
    ]
    assert curve_figures("Toy", old) == []
    assert curve_figures("Toy", [replace(run, record=None) for run in old]) == []


def test_a_figure_says_when_validation_is_the_test_part(tmp_path: Path) -> None:
    runs = [run for run in runs_of(COMPARISON, tmp_path) if run.cell == 0]
    paper = [replace(run, settings=run.settings.model_copy(update={"protocol": "paper"})) for run in runs]
    captions = [curve_figures("Toy", members)[0].get_supxlabel() for members in (runs, paper)]
    assert ["protocol=paper" in text for text in captions] == [False, True]


def test_many_cells_go_to_further_figures(tmp_path: Path) -> None:
    runs = [run for run in runs_of(COMPARISON, tmp_path) if run.method == "none" and run.settings.seed == 0]
    many = [replace(run, cell=run.cell + 2 * copy) for copy in range(4) for run in runs]
    figures = curve_figures("Toy", many)
    assert [len(visible(figure)) for figure in figures] == [3 * ROWS_PER_FIGURE, 3 * 2]


def test_figures_of_an_earlier_larger_table_are_removed(tmp_path: Path) -> None:
    for name in ("curves-3.png", "other.png"):
        (tmp_path / name).touch()
    written = write_figures([Figure((1, 1)), Figure((1, 1))], tmp_path, "curves")
    assert [path.name for path in written] == ["curves.png", "curves-2.png"]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["curves-2.png", "curves.png", "other.png"]
    write_figures([], tmp_path, "curves")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["other.png"]


def test_eta_has_a_line_an_alpha_and_mixup_of_the_same_alpha(tmp_path: Path) -> None:
    (figure,) = eta_figures("Toy", runs_of(ETA, tmp_path), "test_error")
    v2, v3 = visible(figure)
    assert v2.get_title(loc="left") == "wine (mlp), v2 at input", "the cells that differ in alpha share a row"
    assert v3.get_title(loc="left") == "wine (mlp), v3 at input"
    assert [text.get_text() for text in v2.get_xticklabels()] == ["mixup", "0", "0.01", "0.1"]
    assert v2.get_ylabel() == "test error (%)"
    lines = [heights(line) for line in v2.lines if line.get_marker() in ("o", "s")]
    # Method numbers: mixup 0, v2 1 to 3; the mean over seeds adds 1.
    assert lines == [[12.0, 13.0, 14.0], [11.0], [15.0, 16.0, 17.0], [14.0]]


def test_a_single_eta_needs_no_figure(tmp_path: Path) -> None:
    assert eta_figures("Toy", runs_of(COMPARISON, tmp_path), "test_error") == []


def test_a_filled_mark_is_a_significant_difference(tmp_path: Path) -> None:
    runs = runs_of(COMPARISON, tmp_path)
    shift = {("none", 2): 0.1, ("mixupe", 1): 0.01}
    runs = [
        replace(
            run,
            record={
                "metrics": {
                    "test_error": run.record["metrics"]["test_error"] + shift.get((run.method, run.settings.seed), 0)
                }
            },
        )
        for run in runs
        if run.record is not None
    ]
    comparisons = comparison_frame(runs)
    axis = visible(difference_figure("Toy", comparisons))[0]
    marks = [line for line in axis.lines if line.get_marker() in ("o", "D")]
    against_mixup = comparisons[comparisons["baseline"] == "mixup"]
    assert len(marks) == len(against_mixup) == 4
    for mark, p_value in zip(marks, against_mixup["p_holm"], strict=True):
        assert (mark.get_markerfacecolor() != "white") == (p_value < 0.05)
    assert [text.get_text() for text in axis.get_yticklabels()] == ["wine\n(mlp)", "iris\n(mlp)"]


def test_intervals_and_data_sets_tuned_on_are_drawn_as_the_table_has_them(tmp_path: Path) -> None:
    runs = fake_runs(Table.parse(COMPARISON), tmp_path, lambda run: 10.0 + run.settings.seed * len(run.method))
    comparisons = comparison_frame(runs, tuned_on={"iris": "hunt"})
    axis = visible(difference_figure("Toy", comparisons))[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["wine\n(mlp)", "iris\n(mlp, tuned on)"]
    shown = comparisons[comparisons["baseline"] == "mixup"]
    drawn = [
        np.asarray(line.get_xdata(), dtype=np.float64).tolist() for line in axis.lines if line.get_linestyle() == "-"
    ]
    for low, high in zip(shown["ci_low"], shown["ci_high"], strict=True):
        assert [low, high] in drawn


def test_figures_are_reproducible_to_the_byte(tmp_path: Path) -> None:
    runs = [run for run in runs_of(COMPARISON, tmp_path) if run.cell == 0]
    comparisons = comparison_frame(runs)
    frame = table_frame(runs, comparisons)

    def pixels(name: str) -> bytes:
        return write_figures([error_figure("Toy", frame, errors_by_seed(runs))], tmp_path, name)[0].read_bytes()

    assert pixels("a") == pixels("b")
    assert to_svg(difference_figure("Toy", comparisons)) == to_svg(difference_figure("Toy", comparisons))


def test_an_svg_loads_nothing_and_keeps_its_scale(tmp_path: Path) -> None:
    runs = runs_of(COMPARISON, tmp_path)
    svg = to_svg(difference_figure("<Toy> & co", comparison_frame(runs)))
    assert svg.startswith("<svg")
    assert "scale(0.015625" in svg, "a rounded scale would shrink the text"
    assert re.search(r' d="[^"]*\.\d{3}', svg) is None
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', svg))


def test_styles_differ_without_color() -> None:
    known = [cls.style for cls in own_methods().values() if cls.style is not None]
    for styles in (known, list(ORDERED)):
        assert len({style.marker for style in styles}) == len(styles)
        assert len({style.color for style in styles}) == len(styles)
    assert method_styles(["mixup", "none"])["mixup"] == Mixup.style
    grid = method_styles(["mixup", "mixupe eta=0.1", "mixupe eta=1"])
    assert len({style.marker for style in grid.values()}) == 3


def test_seeds_that_coincide_stand_in_lanes_of_their_own() -> None:
    assert lanes([3.0, 1.0, 3.0, 2.0, 3.0], gap=0.5) == [0, 0, 1, 0, 2]
    assert lanes([0.0, 1.0, 2.0], gap=1.0) == [0, 0, 0]
    assert lanes([], gap=1.0) == []


def test_equal_seeds_are_all_to_be_seen(tmp_path: Path) -> None:
    runs = fake_runs(Table.parse(COMPARISON), tmp_path, lambda run: 12.0)
    figure = error_figure("Toy", table_frame(runs, comparison_frame(runs)), errors_by_seed(runs))
    dots = next(line for line in visible(figure)[0].lines if len(line.get_xdata()) == 3)  # type: ignore[arg-type]
    assert len(set(heights(dots))) == 3


def test_seeds_without_an_interval_leave_the_scale_to_the_others(tmp_path: Path) -> None:
    runs = fake_runs(
        Table.parse(COMPARISON), tmp_path, lambda run: 12.0 if run.method == "none" else 10.0 + run.settings.seed
    )
    figure = error_figure("Toy", table_frame(runs, comparison_frame(runs)), errors_by_seed(runs))
    dots = [line for line in visible(figure)[0].lines if len(line.get_xdata()) == 3]  # type: ignore[arg-type]
    assert [len(set(heights(line))) for line in dots] == [3, 1, 1], "equal dots in lanes of their own, others in one"


def test_more_methods_than_share_a_panel_get_one_each_and_no_bands_over_each_other(tmp_path: Path) -> None:
    many = {**COMPARISON, "augmentations": {"none": [], "mixup": [], "mixupe": ["augmentation.eta=0.1,0.5,1"]}}
    assert spread_figures("Toy", runs_of(COMPARISON, tmp_path)) == [], "three methods share a panel"
    runs = [
        replace(run, record=None) if run.method == "none" and run.cell == 1 else run for run in runs_of(many, tmp_path)
    ]
    (curves,) = curve_figures("Toy", runs)
    assert not any(axis.collections for axis in curves.axes)
    (spread,) = spread_figures("Toy", runs)
    drawn = visible(spread)
    assert [axis.get_title(loc="left") for axis in drawn[:2]] == ["wine (mlp)\nnone", "mixup"]
    assert [len(axis.collections) for axis in drawn] == [1] * 5 + [0] + [1] * 4, "one band, that of the panel's method"
    assert [text.get_text() for axis in drawn for text in axis.texts] == ["no runs yet"]
    of_cell = [run for run in runs if run.method != "none" or run.cell != 1]
    (spread,) = spread_figures("Toy", of_cell)
    assert [text.get_text() for axis in visible(spread) for text in axis.texts] == ["not run here"], "not of that cell"


def test_curves_of_seeds_whose_chosen_settings_differ_in_epochs_are_drawn_as_far_as_all_go(tmp_path: Path) -> None:
    runs = runs_of(COMPARISON, tmp_path)
    record = runs[3].record
    assert record is not None
    record["curves"] = {name: curve[:5] for name, curve in record["curves"].items()}
    (figure,) = curve_figures("Toy", runs)
    assert [len(np.asarray(line.get_xdata())) for line in figure.axes[0].lines] == [12, 5, 12]


def test_one_epoch_has_no_fractions_on_its_axis(tmp_path: Path) -> None:
    runs = runs_of(COMPARISON, tmp_path)
    for run in runs:
        assert run.record is not None
        run.record["curves"] = {name: curve[:1] for name, curve in run.record["curves"].items()}
    (figure,) = curve_figures("Toy", runs)
    assert all(axis.get_xticks().tolist() == [1] for axis in visible(figure))


def test_more_methods_than_colors_are_named_beside_their_lines(tmp_path: Path) -> None:
    grid = {**COMPARISON, "augmentations": {"mixup": [], "mixupe": ["augmentation.eta=1,2,3,4,5,6,7,8"]}}
    figure = difference_figure("Toy", comparison_frame(runs_of(grid, tmp_path)))
    assert [text.get_text() for text in figure.axes[0].texts] == [f"mixupe eta={eta}" for eta in range(1, 9)] * 2
    assert figure.legends == []


def test_a_legend_of_long_names_wraps_into_the_figure(tmp_path: Path) -> None:
    names = [f"mixupe variant=approximate alpha=0.02 eta=0.00{i}" for i in range(5)]
    figure = compose("Toy", [[Panel(lambda axis: None)]], (6.5, 3.0), "", method_styles(names))
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
