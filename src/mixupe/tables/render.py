"""table.md, table.csv, table.tex and the terminal's table from the rows of a table."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from mixupe.tables.collect import DeclaredRun, titles
from mixupe.tables.compare import BASELINE, COMPARISON_COLUMNS, ROW_COLUMNS, SIGNIFICANCE, verdicts
from mixupe.tables.escape import csv_text, latex, markdown, markdown_table
from mixupe.tables.numbers import difference_text, interval_text, number_text, p_value_text
from mixupe.tables.paper import paper_lines
from mixupe.tables.provenance import provenance_lines
from mixupe.tables.resampling import resampling_lines, resamplings

# Cells (data sets) up to which a table has pictures: nobody reads hundreds of panels.
MOST_CELLS = 24


def to_csv(frame: pd.DataFrame) -> str:
    """Machine-readable rows, empty where there is no value."""
    return csv_text(frame, ROW_COLUMNS, plain=("paper", "paper_source"))


def comparisons_to_csv(comparisons: pd.DataFrame) -> str:
    """As `to_csv`, of the paired comparisons."""
    return csv_text(comparisons, COMPARISON_COLUMNS)


def grid(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and body for people: one line a data set and model, a column a method, and each method's difference.

    A cell with fewer records than declared says so. A difference is starred only where its test says so. Methods with a
    published figure have a further column for it.
    """
    methods = list(dict.fromkeys(frame["augmentation"]))
    compared = [method for method in methods if method != BASELINE] if BASELINE in methods else []
    published = [method for method in methods if frame.loc[frame["augmentation"] == method, "paper"].notna().any()]
    header = ["data set", "model", *methods, *(f"{method} - {BASELINE}" for method in compared)]
    header += [f"{method} (published)" for method in published]
    body = []
    for (_, dataset, model), rows in frame.groupby(["cell", "dataset", "model"], sort=False):
        by_method = {row["augmentation"]: row for _, row in rows.iterrows()}
        line = [str(dataset), str(model)]
        line += [_error(by_method.get(method)) for method in methods]
        line += [_difference(by_method.get(method)) for method in compared]
        line += [_published(by_method.get(method)) for method in published]
        body.append(line)
    return header, body


def _error(row: "pd.Series[float] | None") -> str:
    if row is None or row["n"] == 0:
        return "-"
    few = f" ({int(row['n'])} of {int(row['declared'])} seeds)" if row["n"] < row["declared"] else ""
    spread = "" if math.isnan(row["std"]) else f" ± {row['std']:.2f}"
    return f"{row['mean']:.2f}{spread}{few}"


def _difference(row: "pd.Series[float] | None") -> str:
    if row is None:
        return "-"
    star = "*" if row["p_value"] < SIGNIFICANCE else ""
    return difference_text(row["delta_vs_mixup"], row["delta_ci_low"], row["delta_ci_high"], star)


def _published(row: "pd.Series[Any] | None") -> str:
    return "-" if row is None or pd.isna(row["paper"]) else str(row["paper"])


def legend(frame: pd.DataFrame, runs: Sequence[DeclaredRun]) -> list[str]:
    """How to read the table, and what is wrong with it."""
    on_test = dict.fromkeys(run.names["dataset"] for run in runs if run.settings.protocol == "paper")
    chosen = "test error (protocol=paper validates on the test part)" if on_test else "validation error"
    if on_test and any(run.settings.protocol != "paper" for run in runs):
        chosen = f"validation error, of {', '.join(on_test)} with the lowest {chosen}"
    lines = [
        f"Test error in percent at the epoch with the lowest {chosen}, mean ± standard deviation over seeds;"
        " lower is better."
    ]
    tested = int(frame["p_value"].notna().sum())
    if tested:
        starred = int((frame["p_value"] < SIGNIFICANCE).sum())
        lines += [
            "Differences to mixup in percentage points, paired by seed, with their 95% t interval; negative is better"
            " than mixup. * marks p < 0.05 in a paired t test of at least three seeds, Holm-adjusted over all comparisons"
            " of the table, those to none included.",
            f"{starred} of {tested} differences to mixup are significant.",
        ]
    shared = resamplings(runs)
    lines += resampling_lines([(run.names["dataset"], shared[run.cell]) for run in runs])
    lines += _one_name_lines(runs)
    lines += provenance_lines(runs)
    lines += paper_lines(frame)
    lines += failed_lines(runs)
    cells = frame["cell"].nunique()
    if cells > MOST_CELLS:
        lines.append(f"No pictures of its cells: the table has {cells} of them, more than {MOST_CELLS}.")
    missing = sum(run.state not in ("DONE", "FAILED") for run in runs)
    if missing:
        lines.append(f"{missing} of {len(runs)} declared runs are missing.")
    return lines


def _one_name_lines(runs: Sequence[DeclaredRun]) -> list[str]:
    """Files of the user's own that count as one data set, because they have one name."""
    contents: dict[str, dict[str, str]] = {}
    for run in runs:
        content = (run.record or {}).get("content")
        if content:
            contents.setdefault(run.settings.dataset.name, {}).setdefault(content, run.names["dataset"])
    return [
        f"{', '.join(cells.values())} are different files, and one data set by their name, {name}; a dataset.name of its"
        " own makes each a data set of its own."
        for name, cells in contents.items()
        if len(cells) > 1
    ]


def failed_lines(runs: Sequence[DeclaredRun]) -> list[str]:
    """Each failed run with its reason."""
    told = titles((run.names["dataset"], run.names["model"]) for run in runs)
    return [
        f"FAILED, not in any mean: {told[run.names['dataset'], run.names['model']]} {run.method} seed"
        f" {run.settings.seed}: {run.reason}"
        for run in runs
        if run.state == "FAILED"
    ]


def to_markdown(
    title: str,
    frame: pd.DataFrame,
    comparisons: pd.DataFrame,
    runs: Sequence[DeclaredRun],
    further: Sequence[str] = (),
) -> str:
    """The table, how to read it (`further` lines too), and every paired difference with what its seeds could have found."""
    lines = "\n".join(f"- {markdown(line)}" for line in [*legend(frame, runs), *further])
    parts = [f"# {markdown(title)}", markdown_table(*grid(frame)), lines]
    if len(comparisons):
        parts += [
            "## Over the data sets",
            *([markdown_table(*verdict_grid(comparisons))] if (comparisons["tuned_on"] == "").any() else []),
            "A win or a loss is a row whose difference is significant after Holm's adjustment; p is Wilcoxon's signed-rank"
            " test on the mean difference of each data set.",
        ]
        if (comparisons["tuned_on"] != "").any():
            parts += [
                "### On the data sets tuned on",
                markdown_table(*verdict_grid(comparisons, tuned=True)),
                tuned_line(comparisons),
            ]
        parts += [
            "## Paired differences",
            markdown_table(*comparison_grid(comparisons)),
            "Percentage points of test error, method - baseline. *Detectable*: the smallest true difference that these"
            " seeds would have found with 80% power; a smaller one cannot be ruled out.",
        ]
    return "\n\n".join(parts) + "\n"


def tuned_line(comparisons: pd.DataFrame) -> str:
    """Which data sets do not count, and why."""
    tuned = comparisons[comparisons["tuned_on"] != ""]
    sets, searches = (", ".join(dict.fromkeys(tuned[name])) for name in ("set", "tuned_on"))
    return (
        f"Not counted above: {sets}. The settings of this table were chosen on their validation parts ({searches}),"
        " so that they cannot say how the methods do on new data."
    )


def verdict_grid(comparisons: pd.DataFrame, tuned: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and body: each method against each baseline; see `compare.verdicts`."""
    header = ["method", "against", "wins", "ties", "losses", "mean difference", "data sets", "p (Wilcoxon)"]
    body = []
    for verdict in verdicts(comparisons, tuned):
        names = [verdict.augmentation, verdict.baseline]
        counts = [str(verdict.wins), str(verdict.ties), str(verdict.losses), f"{verdict.mean:+z.2f}", str(verdict.sets)]
        body.append([*names, *counts, p_value_text(verdict.p_value)])
    return header, body


def comparison_grid(comparisons: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and body: every paired difference, a line a cell, method and baseline."""
    header = [
        "data set",
        "method",
        "against",
        "n",
        "difference",
        "95% interval",
        "p",
        "p (Holm)",
        "detectable",
        "test part",
    ]
    told = titles(zip(comparisons["dataset"], comparisons["model"], strict=True))
    body = []
    for _, row in comparisons.iterrows():
        names = [told[row["dataset"], row["model"]], row["augmentation"], row["baseline"], str(row["n"])]
        numbers = [number_text(row["delta"], "+z.2f"), interval_text(row["ci_low"], row["ci_high"])]
        numbers += [p_value_text(row["p_value"]), p_value_text(row["p_holm"]), number_text(row["detectable"])]
        body.append([*names, *numbers, row["test_part"]])
    return header, body


def to_latex(title: str, frame: pd.DataFrame) -> str:
    """A booktabs table for a paper; needs the packages booktabs and, for its width, nothing else."""
    caption = (
        rf"{latex(title)}: test error in percent, mean $\pm$ standard deviation over seeds. "
        r"Differences in percentage points with 95\% intervals; * marks "
        rf"$p < {SIGNIFICANCE}$ (paired $t$ test, corrected for test parts drawn anew; Holm over the table)."
        rf"{''.join(' ' + latex(line) for line in paper_lines(frame))}"
    )
    return latex_tabular(caption, *grid(frame), names=2)


def latex_tabular(caption: str, header: Sequence[str], body: Sequence[Sequence[str]], names: int) -> str:
    """A booktabs table; `caption` is LaTeX already, the first `names` columns are text, set to the left."""
    columns = "l" * names + "r" * (len(header) - names)
    rows = [" & ".join(latex(cell) for cell in row) + r" \\" for row in (header, *body)]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def terminal_rows(frame: pd.DataFrame) -> list[list[str]]:
    """Data set, method, error and difference of each row, as `terminal_table` takes them."""
    told = titles(zip(frame["dataset"], frame["model"], strict=True))
    return [
        [told[row["dataset"], row["model"]], row["augmentation"], _error(row), _difference(row)]
        for _, row in frame.iterrows()
    ]
