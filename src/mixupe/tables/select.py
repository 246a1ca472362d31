"""Each method's settings chosen inside a table: the whole grid is run in every cell, and the best point is shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from mixupe.tables.collect import DeclaredRun, titles
from mixupe.tables.manifest import Select
from mixupe.tables.numbers import number_text
from mixupe.tables.search import edges
from mixupe.tables.statistics import DIGITS, mean_of, summarise

GRID_COLUMNS = (
    *("dataset", "model", "augmentation", "setting", "declared", "n"),
    *("validation_error", "test_error", "test_std"),
)
SELECTED_ON_TEST = "selected on test"


@dataclass(frozen=True)
class Choice:
    """What one method shows in one cell.

    Attributes:
        names: of the row: data set, model and column.
        setting: the chosen point; of one a seed, each with its count; empty where nothing can be chosen yet.
        edges: keys whose chosen value is the lowest or highest of the cell's grid.
        error: the mean by which it was chosen, in percent; NaN where nothing is.
        epoch: the epoch, of one that is selected on test.
        complete, tried: points with all their records, points of the grid.
    """

    names: dict[str, str]
    setting: str
    edges: tuple[str, ...]
    error: float
    epoch: int | None
    complete: int
    tried: int


@dataclass(frozen=True)
class Selection:
    """What a table with `select` has chosen, and from what.

    Attributes:
        shown: runs of the chosen settings alone, each method by its column's name.
        choices: one a cell and method that had something to choose.
        grid: every point of every grid with GRID_COLUMNS and `chosen`, the number of seeds that show it; errors in percent,
            means over seeds.
    """

    select: Select
    shown: list[DeclaredRun]
    choices: list[Choice]
    grid: pd.DataFrame


@dataclass(frozen=True)
class _Point:
    """A setting in a cell: its runs, seed by seed."""

    runs: list[DeclaredRun]

    @property
    def setting(self) -> str:
        return self.runs[0].setting

    @property
    def complete(self) -> bool:
        return all(run.record is not None for run in self.runs)

    def metrics(self, name: str) -> list[float]:
        return [float(run.record["metrics"][name]) for run in self.runs if run.record is not None]


def selection(select: Select, runs: Sequence[DeclaredRun]) -> Selection:
    """Choose in every cell.

    by validation, per cell: the lowest validation error, each run's at its best epoch, mean over the seeds; ties go to the
    lower mean validation loss, then to the setting declared first. per seed: the same for each seed by itself.
    by test: the lowest mean test error over the seeds at any one epoch, the same epoch for all of them; ties go to the
    earlier epoch, then to the setting declared first. Shown is the error at that epoch.
    A setting that lacks the record of a seed, or diverged, cannot be chosen.

    Args:
        select: of the table.
        runs: all its declared runs.

    Raises:
        UserError: a run's protocol is not the one that `by` needs.
    """
    select.check_protocols([run.settings.protocol for run in runs])
    groups: dict[tuple[int, str], dict[str, list[DeclaredRun]]] = {}
    for run in runs:
        groups.setdefault((run.cell, run.column), {}).setdefault(run.setting, []).append(run)
    shown, choices, rows = [], [], []
    for (_, column), by_setting in groups.items():
        points = [_Point(members) for members in by_setting.values()]
        picked, error, epoch = _pick(select, points)
        shown += [replace(run, method=column) for run in picked]
        if column not in select.grid and select.by != "test":
            continue
        names = {**points[0].runs[0].names, "augmentation": column}
        settings = Counter(run.setting for run in picked if run.record is not None)
        choices.append(
            Choice(
                names=names,
                setting=_told(settings),
                edges=_edges(picked, points),
                error=error,
                epoch=epoch,
                complete=sum(point.complete for point in points),
                tried=len(points),
            )
        )
        rows += [{**names, **_row(select, point), "chosen": settings[point.setting]} for point in points]
    frame = pd.DataFrame(rows, columns=[*GRID_COLUMNS, "chosen"])
    return Selection(select, shown, choices, frame)


def _pick(select: Select, points: Sequence[_Point]) -> tuple[list[DeclaredRun], float, int | None]:
    """The runs to show, the error by which they were chosen, and the epoch where it was chosen too."""
    whole = [point for point in points if point.complete]
    if select.by == "test":
        return _pick_on_test(points, whole)
    if not whole:
        return _without_records(points[0]), float("nan"), None
    if select.per == "seed":
        picked = [
            min(at_seed, key=lambda run: _by_validation([run]))
            for at_seed in zip(*(point.runs for point in whole), strict=True)
        ]
    else:
        picked = min(whole, key=lambda point: _by_validation(point.runs)).runs
    return picked, _by_validation(picked)[0], None


def _by_validation(runs: Sequence[DeclaredRun]) -> tuple[float, float]:
    metrics = [run.record["metrics"] for run in runs if run.record is not None]
    return mean_of(row["validation_error"] for row in metrics), fmean(row["validation_loss"] for row in metrics)


def _pick_on_test(points: Sequence[_Point], whole: Sequence[_Point]) -> tuple[list[DeclaredRun], float, int | None]:
    if not whole:
        return _without_records(points[0]), float("nan"), None
    epochs = {id(point): best_epoch(point.runs) for point in whole}
    best = min(whole, key=lambda point: epochs[id(point)][1])
    epoch, error = epochs[id(best)]
    return [_at_epoch(run, epoch) for run in best.runs], error, epoch


def best_epoch(runs: Sequence[DeclaredRun]) -> tuple[int, float]:
    """The epoch (from 1) with the lowest mean error over these runs, and that mean in percent.

    With protocol=paper what is validated is the test part, so that the curve of the validation error is the test error's.
    """
    curves = np.asarray([_test_curve(run) for run in runs], dtype=np.float64)
    means = curves.mean(axis=0).round(DIGITS)
    return int(means.argmin()) + 1, float(means.min())


def _test_curve(run: DeclaredRun) -> list[float]:
    assert run.record is not None
    curve: list[float] = run.record["curves"]["validation_error"]
    return curve


def _at_epoch(run: DeclaredRun, epoch: int) -> DeclaredRun:
    """The run as if it had ended at that epoch: nothing else is known of its test part then."""
    assert run.record is not None
    error = _test_curve(run)[epoch - 1]
    metrics = {"test_error": error, "validation_error": error, "best_epoch": epoch}
    return replace(run, record={**run.record, "metrics": metrics})


def _without_records(point: _Point) -> list[DeclaredRun]:
    """Runs that stand for a choice that cannot be made yet."""
    return [replace(run, record=None, state="MISSING" if run.state == "DONE" else run.state) for run in point.runs]


def _told(settings: Counter[str]) -> str:
    """The chosen setting; of several, each with the number of its seeds, the most frequent first."""
    if len(settings) <= 1:
        return next(iter(settings), "")
    return ", ".join(f"{setting} ({count})" for setting, count in settings.most_common())


def _edges(picked: Sequence[DeclaredRun], points: Sequence[_Point]) -> tuple[str, ...]:
    """Keys of which a chosen value is the lowest or highest of the grid's."""
    tried = [point.runs[0].settings for point in points]
    chosen = {run.setting: run.settings for run in picked if run.record is not None}
    return tuple(dict.fromkeys(key for settings in chosen.values() for key in edges(settings, tried)))


def _row(select: Select, point: _Point) -> dict[str, Any]:
    """What grid.csv says of a setting; by test, of the epoch with its lowest mean test error."""
    on_test = select.by == "test"
    if on_test and point.complete:
        epoch, _ = best_epoch(point.runs)
        point = _Point([_at_epoch(run, epoch) for run in point.runs])
    ready = not on_test or point.complete
    test = summarise(point.metrics("test_error") if ready else [])
    return {
        "setting": point.setting,
        "declared": len(point.runs),
        "n": test.n,
        "validation_error": summarise([] if on_test else point.metrics("validation_error")).mean,
        "test_error": test.mean,
        "test_std": test.std,
    }


def choice_grid(made: Selection) -> tuple[list[str], list[list[str]]]:
    """Header and body for people: a line a cell and method."""
    by = "test error" if made.select.by == "test" else "validation error"
    header = ["data set", "method", "chosen", "on an edge of the grid", by, "settings tried"]
    told = titles((choice.names["dataset"], choice.names["model"]) for choice in made.choices)
    body = []
    for choice in made.choices:
        epoch = "" if choice.epoch is None else f"epoch {choice.epoch}"
        tried = str(choice.tried) if choice.complete == choice.tried else f"{choice.complete} of {choice.tried}"
        chosen = ", ".join(filter(None, [choice.setting, epoch])) or "-"
        names = [told[choice.names["dataset"], choice.names["model"]], choice.names["augmentation"]]
        body.append([*names, chosen, ", ".join(choice.edges) or "no", number_text(choice.error), tried])
    return header, body


def choice_lines(made: Selection) -> list[str]:
    """How the settings were chosen, in sentences."""
    if made.select.by == "test":
        how = (
            f"Epoch and settings were {SELECTED_ON_TEST}: of each method's grid, in each cell, the setting and the one epoch"
            " with the lowest mean test error over the seeds are shown, as the paper did. Such errors are too low; nobody"
            " can expect them of new data."
        )
    elif made.select.per == "seed":
        how = (
            "Settings were chosen by nested validation: of each method's grid, in each cell and for each seed (fold) by"
            " itself, the one with the lowest validation error is shown; no test part has a say in its own error."
        )
    else:
        how = (
            "Settings were chosen on validation: of each method's grid, in each cell, the one with the lowest validation"
            " error (mean over seeds, each at its best epoch) is shown. The test part has no say."
        )
    on_edge = sum(bool(choice.edges) for choice in made.choices)
    return [
        f"{how} grid.csv has every setting that was tried.",
        f"{on_edge} of {len(made.choices)} choices lie on an edge of their grid, beyond which may lie better ones.",
    ]
