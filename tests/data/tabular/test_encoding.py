"""The encoding of a table as plain values: to the bit what the fitted transformer makes, for old rows and for new ones."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from mixupe.data.base import DataRequest, DatasetSettings, DataSpec
from mixupe.data.tabular.encoding import column_names, decode, encode
from mixupe.data.tabular.frame import table_bundle
from mixupe.data.tabular.new_rows import read
from mixupe.data.tensors import TensorSplit
from mixupe.errors import UserError

SETTINGS = DatasetSettings(name="made", domain="tabular", loader="tabular.csv_file")


def table() -> tuple[pd.DataFrame, pd.Series]:
    """Missing numbers and categories, a column with more categories than are kept, one that never misses a value."""
    random = np.random.default_rng(0)
    n = 600
    features = pd.DataFrame(
        {
            "x": random.normal(size=n),
            "y": np.where(random.random(n) < 0.2, np.nan, random.normal(3, 2, n)),
            "color": random.choice(["red", "green"], n).astype(object),
            "town": [f"t{min(int(k), 99)}" for k in random.exponential(20, n)],
        }
    )
    features.loc[random.random(n) < 0.1, "color"] = np.nan
    return features, pd.Series(random.choice(["a", "b"], n))


@pytest.mark.parametrize("imputation", ["indicator", "mean_mode"])
def test_rows_are_encoded_as_in_training(tmp_path: Path, imputation: Literal["indicator", "mean_mode"]) -> None:
    features, target = table()
    bundle = table_bundle(features, target, SETTINGS, DataRequest(tmp_path, 0, "heldout"), imputation=imputation)
    assert bundle.preparation is not None
    inputs = encode(features, bundle.preparation)
    for part in ("train", "validation", "test"):
        split = getattr(bundle, part)
        assert isinstance(split, TensorSplit)
        np.testing.assert_array_equal(split.inputs.numpy(), inputs[bundle.ids[part]])
    assert column_names(bundle.preparation) == ["x", "y", "color", "town"]


def test_an_encoded_row_is_read_back(tmp_path: Path) -> None:
    features, target = table()
    bundle = table_bundle(features, target, SETTINGS, DataRequest(tmp_path, 0, "heldout"))
    assert bundle.preparation is not None
    inputs = encode(features, bundle.preparation)
    row = int(np.flatnonzero(features["y"].isna() & (features["color"] == "red") & (features["town"] == "t3"))[0])
    facts = decode(inputs[row].astype(float), bundle.preparation)
    assert float(facts["x"]) == pytest.approx(features["x"][row], rel=1e-4)
    assert (facts["y"], facts["color"], facts["town"]) == ("missing", "red", "t3")


def test_a_0_is_read_back_as_0(tmp_path: Path) -> None:
    features, target = table()
    features["count"] = np.arange(len(features)) % 9
    bundle = table_bundle(features, target, SETTINGS, DataRequest(tmp_path, 0, "heldout"))
    assert bundle.preparation is not None
    inputs = encode(features, bundle.preparation)
    zeros = np.flatnonzero(features["count"] == 0)
    assert {decode(inputs[row].astype(float), bundle.preparation)["count"] for row in zeros} == {"0"}


def test_new_rows_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    features, target = table()
    bundle = table_bundle(features, target, SETTINGS, DataRequest(tmp_path, 0, "heldout"))
    spec: DataSpec = bundle.spec
    assert bundle.preparation is not None
    new = features.head(3).assign(color=["red", "violet", np.nan], target="a")
    examples = read(new, SETTINGS, spec, bundle.preparation)
    assert examples.notes == (
        "1 column(s) that the model does not use: target",
        "column 'color' has categories that training did not have: violet",
    )
    with pytest.raises(UserError, match="has no column 'y'; the model needs x, y, color, town"):
        read(new.drop(columns="y"), SETTINGS, spec, bundle.preparation)
    with pytest.raises(UserError, match="column 'x' of the data frame holds numbers; row 2 has 'much'"):
        read(new.assign(x=["1", "much", "3"]), SETTINGS, spec, bundle.preparation)
    with pytest.raises(UserError, match="the data frame has more than one column 'x', which the model needs once"):
        read(pd.concat([new, new[["x"]]], axis=1), SETTINGS, spec, bundle.preparation)


@pytest.mark.parametrize(
    ("values", "new"), [(["01234", "A12"], [1234, 777]), (["2", "3"], ["02", "A12"]), (["2.0", "1.5"], [2.0, 1.0])]
)
def test_a_category_is_known_however_its_column_was_read(values: list[str], new: list[float | str]) -> None:
    preparation = {
        "numeric": {"names": [], "fill": [], "marked": [], "mean": [], "scale": []},
        "categorical": [{"name": "zip", "fill": None, "values": values, "rare": []}],
    }
    examples = read(pd.DataFrame({"zip": new}), SETTINGS, DataSpec("tabular", ("a", "b"), (2,)), preparation)
    assert isinstance(examples.split, TensorSplit)
    assert examples.split.inputs.tolist() == [[1, 0], [0, 0]]


def test_marks_for_none_are_known_in_rows_without_a_number(tmp_path: Path) -> None:
    features, target = table()
    bundle = table_bundle(features, target, SETTINGS, DataRequest(tmp_path, 0, "heldout"))
    assert bundle.preparation is not None
    new = [read(features.head(1).assign(y=y), SETTINGS, bundle.spec, bundle.preparation) for y in ("-", np.nan)]
    marked, missing = (examples.split for examples in new)
    assert isinstance(marked, TensorSplit)
    assert isinstance(missing, TensorSplit)
    assert marked.inputs.equal(missing.inputs)
