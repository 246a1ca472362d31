"""The table a sweep ends with: its runs grouped over seeds, each group beside the first one of its data set."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mixupe.console import say
from mixupe.experiment.config import parse_config
from mixupe.experiment.predictions import read_predictions
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.titles import summary_texts
from mixupe.files import write_text
from mixupe.runs.screen import say_wrapped, show_table
from mixupe.runs.stored import StoredRun, finished_runs
from mixupe.tables.collect import grouped
from mixupe.tables.escape import csv_text, markdown, markdown_table
from mixupe.tables.resampling import resampling_of
from mixupe.tables.statistics import LEAST_PAIRS, paired_difference

# From so many seeds on nothing need be said of their number, and so of epochs.
ENOUGH_SEEDS, ENOUGH_EPOCHS = 5, 5


@dataclass(frozen=True)
class Groups:
    """A sweep's runs grouped over seeds.

    Attributes:
        common: names of data set, model and augmentation that all runs have; may be empty.
        frame: a row a group, in the order of the sweep: dataset, group (in words), n, mean, std (of the test error in
            percent, ddof 1), delta, ci_low, ci_high (paired difference to its set's first group, 95%), p_value (not
            adjusted), pairs.
        notes: chance levels, and why a number may mean little.
    """

    common: str
    frame: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.common}{': ' if self.common else ''}test error in %, over seeds"


def groups_of(runs: Sequence[StoredRun]) -> Groups:
    """The groups of finished runs, in the order of their first runs."""
    members = list(grouped(runs, lambda run: (run.record or {})["group"]).values())
    first: dict[str, list[StoredRun]] = {}
    rows = []
    texts = summary_texts([group[0].flat for group in members], with_seed=False)
    for group, said in zip(members, texts.each, strict=True):
        dataset = group[0].names[0]
        errors = np.array(list(_errors(group).values()))
        row = {
            "dataset": dataset,
            "group": said,
            "n": len(group),
            "mean": float(errors.mean()),
            "std": float(errors.std(ddof=1)) if len(errors) > 1 else np.nan,
            **dict.fromkeys(("delta", "ci_low", "ci_high", "p_value"), np.nan),
            "pairs": 0,
        }
        if dataset in first:
            row |= _difference(group, first[dataset])
        first.setdefault(dataset, group)
        rows.append(row)
    return Groups(texts.common, pd.DataFrame(rows), tuple(_notes(runs, members)))


def end_sweep(settings: Sequence[RunSettings], output_root: Path) -> None:
    """Print and write the table of the finished ones of these runs; nothing for fewer than two.

    Args:
        settings: of the sweep's runs.
        output_root: the files come to `sweeps/<hash of the run ids>/` below it.
    """
    runs = finished_runs(settings)
    if len(runs) < 2:
        return
    groups = groups_of(runs)
    header, body = _for_people(groups)
    show_table(groups.title, header, body, numbers=header[1:])
    for note in groups.notes:
        say_wrapped(note)
    notes = "".join(f"\n- {note}" for note in groups.notes)
    text = f"{markdown(groups.title)}\n\n{markdown_table(header, body)}\n{notes}\n"
    write_beside_sweep(output_root, sorted(run.id for run in runs), groups.frame, text)


def write_beside_sweep(output_root: Path, ids: Iterable[str], frame: pd.DataFrame, text: str) -> None:
    """table.csv and table.md, in a folder that is named by a hash of the run ids; say where."""
    place = output_root / "sweeps" / hashlib.sha256(" ".join(ids).encode()).hexdigest()[:8]
    try:
        write_text(place / "table.csv", csv_text(frame))
        write_text(place / "table.md", text)
    except OSError as error:  # the runs are done all the same
        say(f"{place} cannot be written ({error.strerror})")
        return
    say_wrapped(f"Written to {place}: table.csv, table.md")


def _errors(group: Sequence[StoredRun]) -> dict[int, float]:
    return {run.record["seed"]: float(run.record["metrics"]["test_error"]) for run in group if run.record is not None}


def _difference(group: Sequence[StoredRun], first: Sequence[StoredRun]) -> dict[str, float]:
    """Over the seeds that both have, with the same split."""
    splits = {run.record["seed"]: run.record["split"] for run in first if run.record is not None}
    paired = [run for run in group if run.record is not None and splits.get(run.record["seed"]) == run.record["split"]]
    if not paired:
        return {}
    mine, theirs = _errors(paired), _errors(first)
    assert group[0].record is not None
    resampling = resampling_of(parse_config(group[0].config).dataset, [group[0].record])
    difference = paired_difference(mine, theirs, resampling.test_to_train)
    summary = difference.summary
    values = {"delta": summary.mean, "ci_low": summary.ci_low, "ci_high": summary.ci_high}
    return {**values, "p_value": difference.p_value, "pairs": summary.n}


def _for_people(groups: Groups) -> tuple[list[str], list[list[str]]]:
    header = ["group", "n", "mean", "std", "to the first", "95% interval", "p"]
    body = []
    for row in groups.frame.to_dict("records"):
        interval = row["pairs"] >= LEAST_PAIRS and not np.isnan(row["ci_low"])
        cells = [row["group"], str(row["n"]), f"{row['mean']:.2f}", _number(row["std"], "{:.2f}")]
        cells += [
            _number(row["delta"], "{:+z.2f}"),
            f"{row['ci_low']:+z.2f}, {row['ci_high']:+z.2f}" if interval else "",
        ]
        body.append([*cells, _number(row["p_value"], "{:.3f}")])
    return header, body


def _number(value: float, form: str) -> str:
    return "" if np.isnan(value) else form.format(value)


def _notes(runs: Sequence[StoredRun], groups: Sequence[Sequence[StoredRun]]) -> list[str]:
    notes = []
    of_set: dict[str, StoredRun] = {}
    for run in runs:
        of_set.setdefault(run.names[0], run)
    for dataset, run in of_set.items():
        assert run.record is not None
        notes.append(f"Chance on {dataset}: {_chance(run)}.")
    seeds = [len(group) for group in groups]
    if min(seeds) < ENOUGH_SEEDS:
        few = f"{min(seeds)} seed{'s' if min(seeds) > 1 else ''}"
        why = "no difference can be told from noise" if min(seeds) < LEAST_PAIRS else "only large differences show"
        notes.append(
            f"Of {few} {why}; {ENOUGH_SEEDS} or more say something: seed={','.join(map(str, range(ENOUGH_SEEDS)))}."
        )
    epochs = min(int(run.flat.get("trainer.epochs", ENOUGH_EPOCHS)) for run in runs)
    if epochs < ENOUGH_EPOCHS:
        plural = "s" if epochs > 1 else ""
        notes.append(f"After {epochs} epoch{plural} of training a comparison says nothing of the methods.")
    if len(groups) > 2 and max(seeds) >= LEAST_PAIRS:
        notes.append("p is of a paired t test and not adjusted for the number of groups.")
    return notes


def _chance(run: StoredRun) -> str:
    assert run.record is not None
    guessing = f"{100 * (1 - 1 / run.record['classes']):.1f}% for guessing evenly"
    predictions = read_predictions(run.folder.predictions)
    if predictions is None:
        return guessing
    counts = np.bincount(predictions.parts["test"].labels)
    return f"{guessing}, {100 * (1 - counts.max() / counts.sum()):.1f}% for always naming the commonest class"
