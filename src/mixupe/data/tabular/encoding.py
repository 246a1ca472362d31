"""How a fitted table encodes its columns, as plain values: new rows are encoded by it, and encoded ones read back."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer

from mixupe.data.base import Preparation

Float32 = npt.NDArray[np.float32]


def encoding_of(transformer: ColumnTransformer) -> Preparation:
    """What a transformer of `table_bundle` has learned from the training rows.

    Returns:
        numeric: {names, fill (for missing values), marked (positions of columns with an indicator), mean, scale (of the
        columns and then their indicators)}; categorical: for each column {name, fill (None keeps missing a category),
        values (a one-hot column each, None is missing), rare (values that share one further column)}.
    """
    (_, numbers, numeric), (_, texts, categorical), *_ = transformer.transformers_
    encoding: Preparation = {
        "numeric": {"names": list(numeric), "fill": [], "marked": [], "mean": [], "scale": []},
        "categorical": [],
    }
    if numeric:
        impute, scale = numbers.named_steps["impute"], numbers.named_steps["scale"]
        marked = [] if impute.indicator_ is None else impute.indicator_.features_.tolist()
        encoding["numeric"] |= {"fill": impute.statistics_.tolist(), "marked": marked}
        encoding["numeric"] |= {"mean": scale.mean_.tolist(), "scale": scale.scale_.tolist()}
    if categorical:
        impute, one_hot = texts.named_steps["impute"], texts.named_steps["one_hot"]
        fills = [None] * len(categorical) if impute == "passthrough" else impute.statistics_.tolist()
        columns = zip(categorical, fills, one_hot.categories_, one_hot.infrequent_categories_, strict=True)
        for name, fill, values, merged in columns:
            rare = [] if merged is None else [_plain(value) for value in merged]
            kept = [_plain(value) for value in values if _plain(value) not in rare]
            encoding["categorical"].append({"name": name, "fill": fill, "values": kept, "rare": rare})
    return encoding


def one_hot_blocks(encoding: Preparation) -> tuple[tuple[int, int], ...]:
    """[start, stop) of each categorical column's block among the inputs."""
    numeric = encoding["numeric"]
    stops = np.cumsum([len(numeric["names"]) + len(numeric["marked"]), *map(_width, encoding["categorical"])])
    return tuple((int(start), int(stop)) for start, stop in pairwise(stops))


def column_names(encoding: Preparation) -> list[str]:
    """Those that a row needs, in the order of the encoding."""
    return [*encoding["numeric"]["names"], *(column["name"] for column in encoding["categorical"])]


def encode(features: pd.DataFrame, encoding: Preparation) -> Float32:
    """(N, D) inputs, to the bit those that the fitted transformer makes.

    Args:
        features: N rows with the columns of the encoding, as `columns.clean` makes them.
        encoding: as `encoding_of` gives it.
    """
    parts = [_numbers(features, encoding["numeric"])]
    parts += [_one_hot(features[column["name"]], column) for column in encoding["categorical"]]
    return np.concatenate(parts, axis=1).astype(np.float32)


def decode(inputs: npt.NDArray[np.floating[Any]], encoding: Preparation) -> dict[str, str]:
    """One encoded row (D,) as column -> value in words."""
    numeric = encoding["numeric"]
    names, marked = numeric["names"], numeric["marked"]
    numbers = len(names) + len(marked)
    mean = np.asarray(numeric["mean"])
    raw = inputs[:numbers] * np.asarray(numeric["scale"]) + mean
    raw[np.abs(raw) < 1e-6 * np.abs(mean)] = 0  # what float32 left of a 0
    row = {name: f"{value:.6g}" for name, value in zip(names, raw, strict=False)}
    for position, indicator in zip(marked, raw[len(names) :], strict=True):
        if indicator > 0.5:
            row[names[position]] = "missing"
    start = numbers
    for column in encoding["categorical"]:
        width = _width(column)
        block, start = inputs[start : start + width], start + width
        shown = ["missing" if value is None else value for value in column["values"]]
        shown += ["(a rare one)"] * bool(column["rare"])
        row[column["name"]] = shown[int(block.argmax())] if block.any() else "(not seen in training)"
    return row


def _numbers(features: pd.DataFrame, numeric: dict[str, Any]) -> npt.NDArray[np.float64]:
    values = features[numeric["names"]].to_numpy("float64")
    missing = np.isnan(values)
    filled = np.where(missing, np.asarray(numeric["fill"], dtype=np.float64), values)
    columns = np.concatenate([filled, missing[:, numeric["marked"]].astype(np.float64)], axis=1)
    scaled: npt.NDArray[np.float64] = (columns - np.asarray(numeric["mean"])) / np.asarray(numeric["scale"])
    return scaled


def _one_hot(values: pd.Series, column: dict[str, Any]) -> npt.NDArray[np.float64]:
    """One never seen in training is all zeros, or the column of the rare ones where there is one."""
    place = {value: number for number, value in enumerate(column["values"])}
    last = len(place) if column["rare"] else None
    block = np.zeros((len(values), _width(column)))
    for row, value in enumerate(values.tolist()):
        found = place.get(
            column["fill"] if _plain(value) is None and column["fill"] is not None else _plain(value), last
        )
        if found is not None:
            block[row, found] = 1.0
    return block


def _width(column: dict[str, Any]) -> int:
    return len(column["values"]) + bool(column["rare"])


def _plain(value: object) -> str | None:
    """A category; None for missing, which is NaN in a data frame."""
    return None if value is None or value != value else str(value)
