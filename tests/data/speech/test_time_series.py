"""Time series from files in the package's layout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixupe.data.base import DataRequest
from mixupe.data.speech.settings import TimeSeries
from mixupe.data.speech.time_series import load
from mixupe.errors import UserError


def write_package(root: Path, lines: list[str]) -> Path:
    """Half of the lines in each of the two files."""
    folder = root / "packages" / "sktime" / "sktime" / "datasets" / "data" / "Toy"
    folder.mkdir(parents=True, exist_ok=True)
    for part, own in (("TRAIN", lines[::2]), ("TEST", lines[1::2])):
        (folder / f"Toy_{part}.ts").write_text("# of somebody\n@problemName Toy\n@DATA\n" + "\n".join(own) + "\n\n")
    return folder


def toy_lines(series: int = 60) -> list[str]:
    """Two dimensions, 5 to 9 values, classes 9 and 10."""
    random = np.random.default_rng(0)
    found = []
    for number in range(series):
        length = 5 + number % 5
        values = random.normal(3, 2, (2, length))
        found.append(":".join(",".join(f"{one:.6f}" for one in row) for row in values) + f":{9 + number % 2}")
    return found


def config(**changes: Any) -> TimeSeries:
    return TimeSeries.model_validate(
        {"name": "toy", "domain": "speech", "loader": "speech.time_series", "sktime_name": "Toy", **changes}
    )


def test_both_files_are_pooled_padded_and_standardised(request_here: DataRequest) -> None:
    write_package(request_here.root, toy_lines())
    data = load(config(), request_here)
    assert data.spec.class_names == ("9", "10")
    assert data.spec.input_shape == (1, 2, 9)
    parts = (data.train, data.validation, data.test)
    assert sum(len(part.labels) for part in parts) == 60
    inputs = data.train.inputs.squeeze(1)  # type: ignore[attr-defined]
    padding = (inputs == 0).all(dim=1)
    present = inputs.transpose(1, 2)[~padding]
    torch.testing.assert_close(present.mean(dim=0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(present.std(dim=0, correction=0), torch.ones(2), atol=1e-5, rtol=0)
    # After the end, and nowhere else.
    assert (padding.int().diff(dim=1) >= 0).all()


def test_a_patch_of_values_is_a_frame(request_here: DataRequest) -> None:
    write_package(request_here.root, toy_lines())
    plain = load(config(), request_here).test.inputs  # type: ignore[attr-defined]
    patched = load(config(patch=3), request_here).test.inputs  # type: ignore[attr-defined]
    assert patched.shape[1:] == (1, 6, 3)
    for dimension in range(2):
        for frame in range(3):
            ours = patched[:, 0, 3 * dimension : 3 * dimension + 3, frame]
            assert torch.equal(ours, plain[:, 0, dimension, 3 * frame : 3 * frame + 3])


def test_copies_of_a_series_stay_on_one_side(request_here: DataRequest) -> None:
    lines = toy_lines(30)
    write_package(request_here.root, [line for line in lines for _ in range(2)])
    data = load(config(), request_here)
    found = [
        {one.numpy().tobytes() for one in part.inputs}  # type: ignore[attr-defined]
        for part in (data.train, data.validation, data.test)
    ]
    assert sum(map(len, found)) == len(set.union(*found)) == 30


@pytest.mark.parametrize("broken", ["", "1,2:3,4,5:9", "1,x:2,3:9", "1,nan:2,3:9"])
def test_a_damaged_file_is_named(request_here: DataRequest, broken: str) -> None:
    folder = write_package(request_here.root, toy_lines())
    text = f"@data\n{broken}\n" if broken else "no series"
    (folder / "Toy_TEST.ts").write_text(text)
    with pytest.raises(UserError, match=r"Toy_TEST\.ts .*; delete it and fetch it again"):
        load(config(), request_here)
