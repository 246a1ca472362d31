"""The best setting of each method of a search table: chosen on validation errors, the test split is never looked at.

Variants of MixupE are methods of their own here: each has its own best setting.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from mixupe.experiment.settings import RunSettings
from mixupe.tables.collect import DeclaredRun, errors_by_seed, option_of, titles
from mixupe.tables.escape import markdown, markdown_table
from mixupe.tables.numbers import number_text
from mixupe.tables.provenance import provenance_lines
from mixupe.tables.statistics import mean_of

METRIC = "validation_error"
RANKING_COLUMNS = ("option", "setting", "mean_rank", "mean_error", "chosen", "edge")


def ranking(runs: Sequence[DeclaredRun]) -> pd.DataFrame:
    """One row a setting with RANKING_COLUMNS and a column of mean validation error a cell; best setting first.

    Within each cell the settings of one option (mixup, mixupe v3, ...) are ranked by their validation error, averaged over
    seeds; ties share their mean rank. The lowest mean rank over the cells is chosen, so that every data set has one
    voice whatever its scale; ties go to the lower mean error, then to the setting declared first. A setting that lacks a
    seed's record in some cell, or diverged there, has no mean, which would be of the other seeds alone, and cannot be
    chosen. `edge` names what of a chosen setting is the least or greatest value tried.
    """
    tried = {(run.cell, run.method): run.settings for run in runs}
    options = {method: option_of(settings.augmentation) for (_, method), settings in tried.items()}
    cells = cell_columns(runs)
    gaps = {(run.cell, run.method) for run in runs if run.record is None}
    means = {key: mean_of(by_seed.values()) for key, by_seed in errors_by_seed(runs, METRIC).items() if key not in gaps}
    rows = []
    for setting, option in options.items():
        errors = {name: means.get((cell, setting), float("nan")) for cell, name in cells.items()}
        rows.append({"option": option, "setting": setting, **errors})
    frame = pd.DataFrame(rows)
    names = list(cells.values())
    ranks = frame.groupby("option", sort=False)[names].rank(method="average")
    frame["mean_rank"] = ranks.mean(axis=1, skipna=False)
    frame["mean_error"] = frame[names].mean(axis=1, skipna=False)
    frame["order"] = frame["option"].map({option: i for i, option in enumerate(dict.fromkeys(options.values()))})
    frame = frame.sort_values(["order", "mean_rank", "mean_error"], kind="stable", ignore_index=True)
    first = ~frame.duplicated("option")
    frame["chosen"] = first & frame["mean_rank"].notna()
    frame["edge"] = ""
    for index, setting in frame.loc[frame["chosen"], "setting"].items():
        found: dict[str, None] = {}
        for cell in cells:
            rivals = [
                settings
                for (at, method), settings in tried.items()
                if at == cell and options[method] == options[setting]
            ]
            found |= dict.fromkeys(edges(tried[cell, setting], rivals))
        frame.loc[index, "edge"] = ", ".join(found)
    return frame[[*RANKING_COLUMNS, *names]]


def cell_columns(runs: Sequence[DeclaredRun]) -> dict[int, str]:
    """Name of each cell's column in a ranking."""
    names = {run.cell: (run.names["dataset"], run.names["model"]) for run in runs}
    told = titles(names.values())
    return {cell: told[of_cell] for cell, of_cell in names.items()}


def edges(chosen: RunSettings, tried: Iterable[RunSettings]) -> list[str]:
    """The numbers of `chosen` that are the least or greatest of those tried, where a wider grid could hold a better one.

    A number that was not varied has no edge, and 0 is none: below it there is nothing.

    Args:
        chosen: one of `tried`.
        tried: of one cell.
    """
    values: dict[tuple[str, str], set[float]] = {}
    for settings in tried:
        for key, value in _numbers(settings).items():
            values.setdefault(key, set()).add(value)
    at = {key: value for key, value in _numbers(chosen).items() if len(values[key]) > 1}
    return [key[1] for key, value in at.items() if value in (min(values[key]) or None, max(values[key]))]


def _numbers(settings: RunSettings) -> dict[tuple[str, str], float]:
    """(config group, key) -> value, the method's first."""
    return {
        (group, key): value
        for group in ("augmentation", "optimizer", "scheduler", "trainer", "model", "dataset")
        for key, value in getattr(settings, group)
        if isinstance(value, float | int) and not isinstance(value, bool)
    }


def edge_text(edge: str) -> str:
    """What stands behind a chosen setting; `edge` as in a ranking."""
    return f" (on the edge of the grid: {edge})" if edge else ""


def search_notes(frame: pd.DataFrame, runs: Sequence[DeclaredRun]) -> list[str]:
    """How to read a ranking, and what is missing from it."""
    seeds = len({run.settings.seed for run in runs})
    counts = frame.groupby("option", sort=False).size()
    on_edge = [f"{row['setting']} ({row['edge']})" for _, row in frame[frame["edge"] != ""].iterrows()]
    budget = ", ".join(f"{option} {count}" for option, count in counts.items())
    missing = sum(run.record is None for run in runs)
    notes = [
        "Validation error in percent at the best epoch, mean over seeds. Within each data set the settings of a method"
        " are ranked; the lowest mean rank is chosen. The test split plays no part.",
        f"Settings tried: {budget}; {seeds} seeds each.{f' {missing} runs are missing or failed.' if missing else ''}",
    ]
    if counts.nunique() > 1:
        notes.append(
            "More settings are more chances of a low error by luck, which the search gives to methods with more of them."
        )
    if on_edge:
        notes.append(
            f"On an edge of the grid, so that a value beyond it could be better: {'; '.join(on_edge)}. Extend the grid and"
            " search again."
        )
    return [*notes, *provenance_lines(runs)]


def ranking_to_markdown(title: str, frame: pd.DataFrame, runs: Sequence[DeclaredRun]) -> str:
    """What was chosen, and every setting behind the choice."""
    names = [column for column in frame.columns if column not in RANKING_COLUMNS]
    chosen = [
        f"- {markdown(row['option'])}: **{markdown(row['setting'])}**{edge_text(row['edge'])}"
        for _, row in frame[frame["chosen"]].iterrows()
    ]
    header = ["setting", "mean rank", *names]
    body = [
        [f"**{row['setting']}**" if row["chosen"] else row["setting"], number_text(row["mean_rank"])]
        + [number_text(row[name]) for name in names]
        for _, row in frame.iterrows()
    ]
    notes = [markdown(line) for line in search_notes(frame, runs)]
    parts = [f"# {markdown(title)}", "\n".join(chosen), *notes, markdown_table(header, body)]
    return "\n\n".join(parts) + "\n"
