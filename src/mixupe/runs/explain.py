"""One run explained in the terminal: what it is, what it got wrong, how far its confidence can be trusted."""

from collections.abc import Sequence

import numpy as np

from mixupe.data.base import DataBundle
from mixupe.data.shown import Shown
from mixupe.evaluation.explanation import (
    Answers,
    calibration,
    class_errors,
    confusion_matrix,
)
from mixupe.experiment.predictions import Predictions, mistakes
from mixupe.runs.curves import curves_of
from mixupe.runs.screen import columns, say_wrapped, show_table
from mixupe.runs.stored import StoredRun

MISTAKES = 24
# Terminals are narrow, and a matrix of more classes is no help there.
MOST_CLASSES = 12


def show_run(run: StoredRun, predictions: Predictions | None, data: DataBundle | None) -> None:
    """Print all.

    Args:
        run: of any state.
        predictions: None where none are kept.
        data: for what the mistakes look like; None where it cannot be had.
    """
    flat = run.flat
    say_wrapped(f"{run.id}  {' '.join(run.names)} seed={flat.get('seed')}  {run.state.lower()}  {run.folder.path}")
    if run.reason:
        say_wrapped(f"Failed: {run.reason}")
    for line in facts(run):
        say_wrapped(line)
    for note in why_bad(run, predictions):
        say_wrapped(f"! {note}")
    if predictions is None:
        say_wrapped(missing_predictions(run))
        return
    answers, names = predictions.parts["test"], predictions.classes
    if len(names) <= MOST_CLASSES:
        _show_matrix(answers, names)
    errors = sorted(class_errors(answers, names), key=lambda of_class: -of_class.wrong)[:20]
    rows = [
        [
            of_class.name,
            str(of_class.examples),
            str(of_class.wrong),
            f"{of_class.error:.1f}" if of_class.examples else "",
            of_class.taken_for or "",
        ]
        for of_class in errors
    ]
    header = ["class", "examples", "wrong", "error %", "most often taken for"]
    show_table("Errors by class, test part", header, rows, numbers=["examples", "wrong", "error %"])
    _show_mistakes(predictions, data)
    bins = calibration(answers, bins=10)
    rows = [
        [f"{10 * place}-{10 * place + 10}%", str(count), f"{100 * confidence:.1f}", f"{100 * accuracy:.1f}"]
        for place, (count, confidence, accuracy) in enumerate(
            zip(bins.counts, bins.confidence, bins.accuracy, strict=True)
        )
        if count
    ]
    header = ["confidence", "examples", "mean confidence %", "right %"]
    show_table("Calibration: how often answers of a confidence are right", header, rows, numbers=header[1:])


def facts(run: StoredRun) -> list[str]:
    """The metrics in words."""
    if run.record is None:
        return []
    metrics, examples = run.record["metrics"], run.record["examples"]
    calibration_error = metrics.get("test_calibration_error")
    return [
        f"Test error {metrics['test_error']:.2f}%, loss {metrics['test_loss']:.4g}"
        + (f", calibration error {calibration_error:.2f}%" if calibration_error is not None else "")
        + f"; validation error {metrics['validation_error']:.2f}% at epoch {metrics['best_epoch']} of"
        f" {run.flat.get('trainer.epochs')}",
        f"{examples['train']} training, {examples['validation']} validation and {examples['test']} test examples of"
        f" {run.record['classes']} classes; {run.record['timing']['seconds']:.1f} s",
        *(f"Note: {note}" for note in run.record.get("notes", ())),
    ]


def why_bad(run: StoredRun, predictions: Predictions | None) -> list[str]:
    """What is odd about a run, with what would help; empty for one that looks sound."""
    rows = curves_of(run)
    if run.record is None or not rows:
        return []
    found = []
    metrics, epochs = run.record["metrics"], len(rows)
    losses = [row["validation_loss"] for row in rows]
    is_falling = epochs > 1 and losses[-1] == min(losses) and losses[-1] < losses[-2]
    if is_falling:
        found.append(
            f"The validation loss was still falling in the last epoch; more trainer.epochs than {epochs} may help."
        )
    if metrics["test_error"] >= 100 * (1 - 1 / run.record["classes"]) - 1e-9:
        help_ = "" if is_falling else ": try a lower optimizer.lr, and look at the data's notes"
        found.append(f"It is no better than guessing evenly{help_}.")
    if losses[-1] > 1.5 * min(losses) and metrics["best_epoch"] < 0.7 * epochs:
        found.append(
            f"The validation loss rose from {min(losses):.3g} to {losses[-1]:.3g}: it overfits; more weight_decay, mixing or"
            " dropout may help."
        )
    if predictions is not None:
        test = predictions.parts["test"]
        share = np.bincount(test.predicted, minlength=len(predictions.classes)) / len(test.predicted)
        never = [
            name
            for name, of_class in zip(predictions.classes, class_errors(test, predictions.classes), strict=True)
            if of_class.examples and of_class.wrong == of_class.examples
        ]
        if share.max() > 0.95 and len(test.labels) > 20:
            found.append(f"It says {predictions.classes[int(share.argmax())]!r} nearly always.")
        elif never:
            found.append(f"It gets no test example right of {len(never)} class(es): {', '.join(never[:10])}.")
    return found


def missing_predictions(run: StoredRun) -> str:
    """Why nothing more can be said."""
    if run.state != "DONE":
        return "Its answers are kept when it is done."
    return f"Its answers are not kept in {run.folder.path}: runs of earlier versions, and records alone, have none."


def summary_text(example: Shown) -> str:
    """Of a row or graph, as `x 1.2, y 3`; of a picture its size."""
    if example.facts:
        return ", ".join(f"{name} {value}" for name, value in example.facts.items())
    if example.pixels is not None:
        return "image of " + " x ".join(map(str, example.pixels.shape[1::-1]))
    return f"{len(example.samples) / example.sample_rate:.2f} s" if example.samples is not None else ""


def _show_matrix(answers: Answers, names: Sequence[str]) -> None:
    matrix = confusion_matrix(answers)
    # The columns have letters, so that names of any length fit.
    letters = [chr(ord("a") + number) for number in range(len(names))]
    rows = [
        [f"{letter} {name}", *(str(count) if count else "." for count in row)]
        for letter, name, row in zip(letters, names, matrix, strict=True)
    ]
    show_table(
        "Confusion matrix, test part: rows are the class, columns the answer", ["", *letters], rows, numbers=letters
    )


def _show_mistakes(predictions: Predictions, data: DataBundle | None) -> None:
    rows = []
    for mistake in mistakes(predictions, data, 8):
        words = summary_text(mistake.example)
        if len(words) > 2 * columns():
            words = words[: 2 * columns()].rpartition(", ")[0] + ", ..."
        rows.append([str(mistake.id), mistake.label, mistake.predicted, f"{100 * mistake.confidence:.0f}", words])
    if rows:
        header = ["example", "class", "answer", "sure %", "what it is"]
        show_table("The most confident mistakes", header, rows, numbers=["example", "sure %"])
