"""docs/notebook.ipynb as it stands, cell by cell; and what `compare` and `run` say of bad input."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mixupe.errors import UserError
from mixupe.experiment import compare
from mixupe.runs.notebook import Results, run

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
NOTEBOOK_CODE = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK_CODE]


@pytest.mark.slow
def test_the_notebook_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    with warnings.catch_warnings(action="ignore"):
        for cell in CELLS:
            exec(compile(cell, "cell", "exec"), names)
    assert "Chance on wine" in capsys.readouterr().out
    results: Results = names["results"]
    assert list(results.table["group"]) == ["none", "mixup", "mixupe"]
    assert list(names["grid"].runs["run"]) == ["alpha=0.2", "alpha=1.0"]


def test_the_notebook_shows_what_its_cells_gave() -> None:
    """With its outputs it is read where nothing runs it; without seconds, it stays as it is when it is run again."""
    shown = [[list(output.get("data", {})) for output in cell["outputs"]] for cell in NOTEBOOK_CODE]
    assert all(shown)
    assert sum("image/png" in kinds for outputs in shown for kinds in outputs) == 2
    assert "seconds" not in json.dumps(NOTEBOOK_CODE).replace('columns=\\"seconds\\"', "")
    assert NOTEBOOK.stat().st_size < 300_000


def test_a_backend_that_was_chosen_stays() -> None:
    chosen = "import matplotlib as m; m.use('svg'); import mixupe.runs.notebook; assert m.get_backend() == 'svg'"
    subprocess.run([sys.executable, "-c", chosen], check=True, timeout=100)


def test_results_are_frames_and_figures(finished: tuple[Path, Results]) -> None:
    _, results = finished
    assert list(results.runs["run"]) == [f"{name} seed={seed}" for name in ("none", "mixup") for seed in range(3)]
    table = results.table.set_index("group")
    errors = results.runs.groupby(results.runs["run"].str.split().str[0])["test_error"].mean()
    assert table["mean"].to_dict() == pytest.approx(errors.to_dict())
    assert pd.isna(table["delta"]["none"])
    assert table["pairs"]["mixup"] == 3
    for figure, panels in ((results.plot_errors(), 1), (results.plot_curves(), 3)):
        assert len(figure.axes) == panels
    assert plt.get_fignums() == [], "a notebook would show them twice"


def test_bad_input_raises_before_anything_runs(tmp_path: Path) -> None:
    for seeds in (0, 1.5, [0, 1]):
        with pytest.raises(UserError, match="seeds: must be a whole number >= 1"):
            compare("tabular/wine", seeds=seeds)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"augmentations: must be a list such as \['none', 'mixup'\]"):
        compare("tabular/wine", "mixup", seeds=1)
    for override in ("dataset=digits", "augmentation=mixup", "seed=5"):
        with pytest.raises(
            UserError, match=f"overrides: {override} says anew what dataset, augmentations and seeds say"
        ):
            compare("tabular/wine", ["none"], seeds=1, overrides=[override])
    with pytest.raises(UserError, match="augmentation: 'mixdown' is unknown"):
        compare("tabular/wine", ["none", "mixdown"], seeds=1)
    with pytest.raises(UserError, match=r"trainer\.epoch: unknown key"):
        run(["dataset=tabular/wine", "trainer.epoch=3"])
    for override in ("hydra/launcher=joblib", "hydra/sweeper=optuna", "hydra.sweeper.minutes=9", "+hydra.job.name=x"):
        with pytest.raises(UserError, match=r"sweepers and launchers are for scripts/train\.py --multirun"):
            run(["dataset=tabular/wine", override])
    none_given: list[str] = []
    for overrides in (none_given, (), "dataset=tabular/wine"):
        with pytest.raises(UserError, match="overrides: must be a list such as"):
            run(overrides)
    assert not (tmp_path / "outputs").exists()
