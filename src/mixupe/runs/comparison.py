"""Two runs side by side: what differs in their configs, their curves, and the examples they disagree on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import binomtest

from mixupe.evaluation.explanation import Answers
from mixupe.experiment.metrics_log import Row
from mixupe.experiment.predictions import Predictions, read_predictions
from mixupe.experiment.titles import SHORT_ID, shown
from mixupe.files import write_text
from mixupe.runs.curves import curves_of, draw_curves
from mixupe.runs.screen import say_wrapped, show_table
from mixupe.runs.stored import StoredRun
from mixupe.tables.escape import csv_text
from mixupe.tables.pictures.canvas import ORDERED, head, subplots, write_figures
from mixupe.tables.pictures.curves import PANELS

# Rows of curves, and of examples, that are printed.
MOST_ROWS = 10


@dataclass(frozen=True)
class Disagreement:
    """How two classifiers answered the same n examples.

    Attributes:
        both_right, only_a, only_b, both_wrong: how many examples.
        p_value: McNemar's exact test: of the examples that only one got right, either is as likely to be it.
        examples: a row an example that only one got right: example (its number), class, A and B (what they said), right.
    """

    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    p_value: float
    examples: pd.DataFrame


def config_differences(a: StoredRun, b: StoredRun) -> list[tuple[str, str, str]]:
    """Key and both values, where they differ; a key that one does not have is `-` there."""
    keys = dict.fromkeys([*a.flat, *b.flat])
    values = [{key: shown(run.flat[key]) for key in run.flat} for run in (a, b)]
    rows = [(key, values[0].get(key, "-"), values[1].get(key, "-")) for key in keys]
    return [row for row in rows if row[1] != row[2]]


def is_of_other_data(a: StoredRun, b: StoredRun) -> bool:
    """Whether the user's own files had another content, as far as the records say it, which older ones do not."""
    if a.record is None or b.record is None:
        return False
    contents = a.record.get("content"), b.record.get("content")
    if None not in contents:
        return contents[0] != contents[1] and "" not in contents
    # An id is that of config, content and engine.
    return a.id != b.id and not config_differences(a, b) and a.record["engine"] == b.record["engine"]


def disagreement(a: Predictions, b: Predictions) -> Disagreement | None:
    """Over the test examples that both have; None where there is none.

    Raises:
        ValueError: the two have other classes, or say other things of the same example: they are of other data.
    """
    if a.classes != b.classes:
        raise ValueError("their classes differ")
    of_a, of_b = a.parts["test"], b.parts["test"]
    shared, mine, theirs = np.intersect1d(of_a.ids, of_b.ids, return_indices=True)
    if not len(shared):
        return None
    labels = of_a.labels[mine]
    if not np.array_equal(labels, of_b.labels[theirs]):
        raise ValueError("their examples have other labels")
    said_a, said_b = of_a.predicted[mine], of_b.predicted[theirs]
    right_a, right_b = said_a == labels, said_b == labels
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    names = np.array(a.classes)
    differ = right_a != right_b
    examples = pd.DataFrame(
        {
            "example": shared[differ],
            "class": names[labels[differ]],
            "A": names[said_a[differ]],
            "B": names[said_b[differ]],
            "right": np.where(right_a[differ], "A", "B"),
        }
    )
    counts = int((right_a & right_b).sum()), only_a, only_b, int((~right_a & ~right_b).sum())
    return Disagreement(*counts, p_value, examples)


def compare_runs(a: StoredRun, b: StoredRun, folder: Path) -> None:
    """Print all, and write curves.png and disagreements.csv to the folder."""
    for letter, run in zip("AB", (a, b), strict=True):
        say_wrapped(f"{letter} = {run.id}  {' '.join(run.names)} seed={run.flat.get('seed')}  {run.state.lower()}")
    differences = config_differences(a, b)
    if differences:
        show_table("What differs in the configs", ["key", "A", "B"], differences)
    else:
        say_wrapped("The configs are the same.")
    if is_of_other_data(a, b):
        say_wrapped("Their data differ: the files that they were trained on have another content.")
    _show_metrics(a, b)
    written = []
    curves = [curves_of(run) for run in (a, b)]
    if all(curves):
        _show_curves(curves)
        write_figures([curves_figure([a.id[:SHORT_ID], b.id[:SHORT_ID]], curves)], folder, "curves")
        written.append("curves.png")
    if _show_disagreement(a, b, folder):
        written.append("disagreements.csv")
    if written:
        say_wrapped(f"Written to {folder}: {', '.join(written)}")


def curves_figure(names: Sequence[str], curves: Sequence[Sequence[Row]]) -> Figure:
    """Each run's train loss, validation loss and validation error over each other."""
    figure, axes = subplots(1, len(PANELS), figsize=(10.0, 3.4))
    styles = dict(zip([f"{letter} {name}" for letter, name in zip("AB", names, strict=False)], ORDERED, strict=False))
    looks = [{"color": style.color, "linestyle": style.line, "linewidth": 1.4} for style in styles.values()]
    draw_curves(axes, list(zip(curves, looks, strict=True)))
    head(figure, "Learning curves", styles)
    return figure


def _show_metrics(a: StoredRun, b: StoredRun) -> None:
    metrics = [{} if run.record is None else run.record["metrics"] for run in (a, b)]
    keys = [key for key in metrics[0] if key in metrics[1] and not key.endswith("_last")]
    rows = [
        [key, f"{metrics[0][key]:.4g}", f"{metrics[1][key]:.4g}", f"{metrics[1][key] - metrics[0][key]:+.4g}"]
        for key in keys
    ]
    if rows:
        show_table("Metrics (errors in percent)", ["metric", "A", "B", "B - A"], rows, numbers=["A", "B", "B - A"])


def _show_curves(curves: Sequence[Sequence[Row]]) -> None:
    longest = max(map(len, curves))
    epochs = np.unique(np.linspace(1, longest, min(MOST_ROWS, longest)).round().astype(int)).tolist()
    rows = []
    for epoch in epochs:
        cells = [str(epoch)]
        for key in ("validation_error", "validation_loss", "train_loss"):
            cells += [f"{rows_of[epoch - 1][key]:.4g}" if epoch <= len(rows_of) else "" for rows_of in curves]
        rows.append(cells)
    header = ["epoch", "val % A", "B", "val loss A", "B ", "train loss A", "B  "]
    show_table("Learning curves", header, rows, numbers=header)


def _show_disagreement(a: StoredRun, b: StoredRun, folder: Path) -> bool:
    """Whether there was anything to write."""
    kept = [read_predictions(run.folder.predictions) for run in (a, b)]
    for run, predictions in zip((a, b), kept, strict=True):
        if predictions is None:
            say_wrapped(
                f"Which examples they disagree on is not known: {run.id[:SHORT_ID]} has no {run.folder.predictions}."
            )
            return False
    assert kept[0] is not None
    assert kept[1] is not None
    if is_of_other_data(a, b):
        say_wrapped("Their test parts cannot be compared: an example's number may be another example.")
        return False
    try:
        found = disagreement(kept[0], kept[1])
    except ValueError as error:
        say_wrapped(f"Their test parts cannot be compared: {error}.")
        return False
    if found is None:
        say_wrapped("They share no test example (other seeds draw other test parts).")
        return False
    total = found.both_right + found.only_a + found.only_b + found.both_wrong
    say_wrapped(
        f"Of {total} test examples that both have: both right {found.both_right}, only A {found.only_a}, only B"
        f" {found.only_b}, both wrong {found.both_wrong}. McNemar's exact test: p = {found.p_value:.3g}"
        f"{_share(kept[0].parts['test'], kept[1].parts['test'], total)}."
    )
    rows = found.examples.head(MOST_ROWS).astype(str).to_numpy().tolist()
    if rows:
        more = f" (the first {MOST_ROWS})" if len(found.examples) > MOST_ROWS else ""
        show_table(f"Examples that only one got right{more}", list(found.examples.columns), rows, numbers=["example"])
    write_text(folder / "disagreements.csv", csv_text(found.examples))
    return True


def _share(of_a: Answers, of_b: Answers, shared: int) -> str:
    """A word where the test parts are not the same."""
    return (
        ""
        if shared == len(of_a.ids) == len(of_b.ids)
        else f" (their test parts have {len(of_a.ids)} and {len(of_b.ids)})"
    )
