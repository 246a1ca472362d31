"""table.md, table.csv and the terminal's table from the rows of a table."""

import math
from collections.abc import Sequence

import pandas as pd
from rich.table import Table as RichTable

from mixupe.tables.collect import BASELINE, COLUMNS, DeclaredRun

SIGNIFICANCE = 0.05


def to_csv(frame: pd.DataFrame) -> str:
    """Machine-readable rows, empty where there is no value."""
    return frame.to_csv(index=False, columns=list(COLUMNS), float_format="%.6g", lineterminator="\n")


def grid(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and body for people: one line a data set and model, a column a method, and each method's difference.

    A cell with fewer records than declared says so. A difference is starred only where its test says so.
    """
    methods = list(dict.fromkeys(frame["augmentation"]))
    compared = [method for method in methods if method != BASELINE] if BASELINE in methods else []
    header = ["data set", "model", *methods, *(f"{method} - {BASELINE}" for method in compared)]
    body = []
    for (dataset, model), rows in frame.groupby(["dataset", "model"], sort=False):
        by_method = {row["augmentation"]: row for _, row in rows.iterrows()}
        line = [str(dataset), str(model)]
        line += [_error(by_method.get(method)) for method in methods]
        line += [_difference(by_method.get(method)) for method in compared]
        body.append(line)
    return header, body


def _error(row: "pd.Series[float] | None") -> str:
    if row is None or row["n"] == 0:
        return "-"
    few = f" ({int(row['n'])} of {int(row['declared'])} seeds)" if row["n"] < row["declared"] else ""
    spread = "" if math.isnan(row["std"]) else f" ± {row['std']:.2f}"
    return f"{row['mean']:.2f}{spread}{few}"


def _difference(row: "pd.Series[float] | None") -> str:
    if row is None or math.isnan(row["delta_vs_mixup"]):
        return "-"
    star = "*" if row["p_value"] < SIGNIFICANCE else ""
    if math.isnan(row["delta_ci_low"]):
        return f"{row['delta_vs_mixup']:+.2f}"
    return f"{row['delta_vs_mixup']:+.2f}{star} [{row['delta_ci_low']:+.2f}, {row['delta_ci_high']:+.2f}]"


def legend(frame: pd.DataFrame, runs: Sequence[DeclaredRun]) -> list[str]:
    """How to read the table, and what is wrong with it."""
    lines = [
        "Test error in percent at the epoch with the lowest validation error, mean ± standard deviation over seeds;"
        " lower is better."
    ]
    tested = int(frame["p_value"].notna().sum())
    if tested:
        starred = int((frame["p_value"] < SIGNIFICANCE).sum())
        lines += [
            "Differences to mixup in percentage points, paired by seed, with their 95% t interval; negative is better"
            " than mixup. * marks p < 0.05 in a paired t test, Holm-adjusted over the table.",
            f"{starred} of {tested} differences are significant.",
        ]
    for run in runs:
        if run.state == "FAILED":
            title = f"{run.settings.dataset.name} {run.augmentation} seed {run.settings.seed}"
            lines.append(f"FAILED, not in any mean: {title}: {run.reason}")
    missing = sum(run.state not in ("DONE", "FAILED") for run in runs)
    if missing:
        lines.append(f"{missing} of {len(runs)} declared runs are missing.")
    return lines


def to_markdown(title: str, frame: pd.DataFrame, runs: Sequence[DeclaredRun]) -> str:
    header, body = grid(frame)
    rows = [header, ["---"] * len(header), *body]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    notes = "\n".join(f"- {line}" for line in legend(frame, runs))
    return f"# {title}\n\n{table}\n\n{notes}\n"


def to_terminal(title: str, frame: pd.DataFrame) -> RichTable:
    """One line a data set and method, narrow enough for 80 columns."""
    table = RichTable(title=f"{title}: test error in percent")
    for name in ("data set", "method"):
        table.add_column(name)
    for name in ("test error", f"difference to {BASELINE}"):
        table.add_column(name, justify="right")
    for (dataset, _), rows in frame.groupby(["dataset", "model"], sort=False):
        for index, (_, row) in enumerate(rows.iterrows()):
            last = index == len(rows) - 1
            name = str(dataset) if index == 0 else ""
            table.add_row(name, row["augmentation"], _error(row), _difference(row), end_section=last)
    return table
