"""Properties of data sets: read from the data, and kept beside the table."""

from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.tables.over_sets.properties import (
    PROPERTIES_FILE,
    SetProperties,
    properties_of,
    read_properties,
    write_properties,
)


def test_of_a_table_and_of_images(tmp_path: Path) -> None:
    with hydra_initialised():
        wine, digits = (
            properties_of(compose_settings([*overrides, f"data.root={tmp_path}", "seed=0"]))
            for overrides in (["dataset=tabular/wine"], ["dataset=digits", "model.width=8", "dataset.train_size=100"])
        )
    assert wine == SetProperties("wine", 114, 13.0, 3, wine.majority, batch_norm=False)
    assert wine.majority == pytest.approx(71 / 178, abs=0.01), "71 of 178 wines, in the training part too"
    assert (digits.train, digits.inputs, digits.classes, digits.batch_norm) == (100, 64.0, 10, True)


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_properties(tmp_path) == {}
    known = [
        SetProperties("b", 10, 3.5, 2, 0.5, batch_norm=True),
        SetProperties("a", 20, 4.0, 3, 0.25, batch_norm=False),
    ]
    write_properties(tmp_path, known)
    assert read_properties(tmp_path) == {one.dataset: one for one in known}
    (tmp_path / PROPERTIES_FILE).write_text("dataset,train\na,1\n")
    with pytest.raises(UserError, match=r"properties\.csv cannot be read .*; write it anew with --properties"):
        read_properties(tmp_path)
