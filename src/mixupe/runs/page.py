"""One run explained as a page: a single file that needs no network, no server and no other file."""

import io
import wave
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from mixupe.data.base import DataBundle
from mixupe.evaluation.explanation import calibration, class_errors, confusion_matrix
from mixupe.experiment import titles
from mixupe.experiment.metrics_log import Row
from mixupe.experiment.predictions import Mistake, Predictions, mistakes
from mixupe.html_page import data_uri, render_page
from mixupe.runs.curves import curves_of, draw_curves
from mixupe.runs.explain import MISTAKES, facts, missing_predictions, why_bad
from mixupe.runs.stored import StoredRun
from mixupe.tables.pictures.canvas import ORDERED, subplots, tidy, to_svg
from mixupe.tables.pictures.curves import PANELS

# A matrix of more classes is no table that anybody reads.
MOST_CLASSES = 30
_SHADES = 5


def render(run: StoredRun, predictions: Predictions | None, data: DataBundle | None) -> str:
    """HTML of a finished run.

    Args:
        run: with a record.
        predictions: None where none are kept; then the page says so.
        data: for what the mistakes look like; None where it cannot be had.
    """
    assert run.record is not None
    rows = curves_of(run)
    parts: dict[str, Any] = {"mistakes": [], "errors": [], "matrix": [], "names": (), "calibration": None}
    if predictions is not None:
        parts = _answers(predictions, data)
    return render_page(
        "mixupe.runs",
        "img-src data:; media-src data:",
        title=f"{' '.join(run.names)}, seed {run.flat.get('seed')}",
        run=run,
        commit=run.record.get("code", {}).get("commit"),
        facts=facts(run),
        reasons=why_bad(run, predictions),
        missing=missing_predictions(run) if predictions is None else None,
        curves=_svg_uri(_curves(rows)) if rows else None,
        examples_note=""
        if data is not None
        else "What they look like cannot be shown: the data is not there as it was.",
        config=[(key, titles.shown(value)) for key, value in run.flat.items()],
        **parts,
    )


def _answers(predictions: Predictions, data: DataBundle | None) -> dict[str, Any]:
    answers, names = predictions.parts["test"], predictions.classes
    return {
        "mistakes": [_shown(mistake) for mistake in mistakes(predictions, data, MISTAKES)],
        "errors": sorted(class_errors(answers, names), key=lambda of_class: -of_class.wrong),
        "matrix": _matrix(confusion_matrix(answers)) if len(names) <= MOST_CLASSES else [],
        "names": names,
        "calibration": _svg_uri(_calibration(predictions)),
    }


def _shown(mistake: Mistake) -> dict[str, Any]:
    example = mistake.example
    image = None if example.pixels is None else _png_uri(example.pixels)
    audio = None if example.samples is None else _wav_uri(example.samples, example.sample_rate)
    sure = f"{100 * mistake.confidence:.0f}"
    return {**vars(mistake), "sure": sure, "image": image, "audio": audio, "facts": example.facts}


def _matrix(matrix: Any) -> list[list[dict[str, int]]]:
    """Each cell with its share of the row as a shade, 0 for none."""
    shades = np.ceil(_SHADES * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)).astype(int)
    return [
        [{"count": int(count), "shade": int(shade)} for count, shade in zip(*row, strict=True)]
        for row in zip(matrix, shades, strict=True)
    ]


def _curves(rows: Sequence[Row]) -> Figure:
    figure, axes = subplots(1, len(PANELS), figsize=(10.0, 3.0))
    draw_curves(axes, [(rows, {"color": ORDERED[0].color, "linewidth": 1.4})])
    return figure


def _calibration(predictions: Predictions) -> Figure:
    figure, (above, below) = subplots(2, 1, figsize=(4.6, 4.6), height_ratios=(3, 1), sharex=True)
    above.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle=":")
    for (part, answers), style in zip(predictions.parts.items(), ORDERED, strict=False):
        bins = calibration(answers)
        there = bins.counts > 0
        above.plot(
            *(bins.confidence[there], bins.accuracy[there]),
            color=style.color,
            marker=style.marker,
            linestyle=style.line,
            markersize=4,
            linewidth=1.2,
            label=f"{part} ({len(answers.labels)} examples)",
        )
    test = predictions.parts["test"]
    below.hist(test.confidence, bins=15, range=(0, 1), color=ORDERED[1].color)
    above.set_ylabel("share of right answers", fontsize=9)
    below.set_ylabel("test\nexamples", fontsize=9)
    below.set_xlabel("confidence", fontsize=9)
    above.legend(frameon=False, fontsize=9)
    for axis in (above, below):
        tidy(axis, "both")
    return figure


def _svg_uri(figure: Figure) -> str:
    return "data:image/svg+xml," + quote(to_svg(figure), safe=" =/:;,.()[]{}@!$*'?+|~-_")


def _png_uri(pixels: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return data_uri("image/png", buffer.getvalue())


def _wav_uri(samples: Any, rate: int) -> str:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return data_uri("audio/wav", buffer.getvalue())
