"""A user's table, and finished runs on it, made once for all tests that only look at them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixupe.runs.notebook import Results, run


def write_table(path: Path) -> None:
    """240 rows: three numbers, a category, missing values, three classes that overlap."""
    random = np.random.default_rng(0)
    label = random.integers(0, 3, 240)
    frame = pd.DataFrame(random.normal(size=(240, 3)) + label[:, None] * [1, 0.6, -0.3], columns=["x", "y", "z"])
    colors = np.array(["red", "green", "blue"])
    frame["color"] = np.where(random.random(240) < 0.6, colors[label], random.choice(colors, 240))
    frame.loc[random.random(240) < 0.1, "y"] = np.nan
    frame["kind"] = np.array(["ant", "bee", "wasp"])[label]
    frame.to_csv(path, index=False)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """Output root, and none and mixup at three seeds, six epochs each."""
    folder = tmp_path_factory.mktemp("finished")
    write_table(folder / "my.csv")
    here = Path.cwd()
    os.chdir(folder)
    try:
        overrides = [
            *("dataset=csv", f"dataset.path={folder / 'my.csv'}", "dataset.target=kind", "logger=none"),
            *("augmentation=none,mixup", "seed=0,1,2", "trainer.epochs=6", "trainer.device=cpu"),
            *(f"output_root={folder}", f"data.root={folder}"),
        ]
        return folder, run(overrides, quiet=True)
    finally:
        os.chdir(here)
