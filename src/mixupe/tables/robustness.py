"""The files of an evaluated run: evaluation.json (everything), evaluation.csv (its rows) and evaluation.png."""

from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.experiment.robustness import Evaluation
from mixupe.tables.findings import write_findings
from mixupe.tables.pictures.canvas import ORDERED, Panel, compose, in_rows

COLUMNS = ("part", "name", "level", "error", "loss", "neither")
AXES = {
    "corruptions": ("Common corruptions", "severity"),
    "attacks": ("Attacks in an l-infinity ball", "radius (images: of the pixel's range; else standard deviations)"),
    "segments": ("Between pairs of test examples", "lam, share of the one"),
}


def write_evaluation(evaluation: Evaluation, folder: Path) -> pd.DataFrame:
    """Write the three files; gives what is in evaluation.csv."""
    frame = pd.DataFrame(evaluation["rows"], columns=COLUMNS)
    write_findings(folder, "evaluation", evaluation, frame, evaluation_figure(evaluation))
    return frame


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each name: its levels and its errors, in their order."""
    rows = []
    for (part, name), members in frame.groupby(["part", "name"], sort=False):
        levels, errors = (" ".join(f"{value:.3g}" for value in members[key]) for key in ("level", "error"))
        rows.append({"part": part, "name": name, "level": levels, "error %": errors})
    return pd.DataFrame(rows)


def evaluation_figure(evaluation: Evaluation) -> Figure:
    """A panel for each part that was evaluated."""
    frame = pd.DataFrame(evaluation["rows"], columns=COLUMNS)
    parts = [part for part in dict.fromkeys(frame["part"]) if part != "clean"]
    clean = float(frame.loc[frame["part"] == "clean", "error"].iloc[0])
    panels = []
    for part in parts:
        members = frame[frame["part"] == part]
        if part == "deformations":
            panels.append(Panel(partial(_bars, members=members, clean=clean), "Deformations", "error (%)"))
        else:
            draw = partial(_lines, members=members, part=part, clean=clean)
            panels.append(Panel(draw, *AXES[part], "error (%)", "both"))
    rows = in_rows(panels, columns=min(2, max(1, len(parts))))
    return compose(
        "{dataset} ({model}), {augmentation}, seed {seed}".format(**evaluation),
        rows,
        (5.5 * len(rows[0]), 1.2 + 3.6 * len(rows)),
        f"Error of the best-validation epoch on {evaluation['examples']} test examples; the line without markers is the"
        " error on them as they are.",
    )


def _bars(axis: Axes, members: pd.DataFrame, clean: float) -> None:
    axis.barh(members["name"], members["error"], color=ORDERED[0].color)
    axis.invert_yaxis()
    axis.axvline(clean, color="black", linewidth=0.8)


def _lines(axis: Axes, members: pd.DataFrame, part: str, clean: float) -> None:
    series = {str(name): of_name for name, of_name in members.groupby("name", sort=False)}
    if part == "segments":
        (only,) = series.values()
        series = {"not the nearer class": only, "neither class": only.assign(error=only["neither"])}
    for number, (name, of_name) in enumerate(series.items()):
        style = ORDERED[number % len(ORDERED)]
        # The second round through the palette is told apart by hollow markers.
        fill: Literal["full", "none"] = "full" if number < len(ORDERED) else "none"
        axis.plot(
            of_name["level"],
            of_name["error"],
            style.line,
            marker=style.marker,
            ms=4,
            color=style.color,
            fillstyle=fill,
            label=name,
        )
    if part == "corruptions":
        axis.set_xticks(sorted(set(members["level"])))
    axis.axhline(clean, color="black", linewidth=0.8)
    axis.legend(fontsize=7.5, framealpha=0.8, edgecolor="none")
