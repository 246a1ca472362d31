"""scripts/figure2.py on digits: the trace of each model, and one line for what is wrong."""

from pathlib import Path

import pandas as pd
import pytest

from tests.scripts.test_train import load_script
from tests.tiny_sets import write_rings_and_stars

SMALL = ["dataset=digits", "dataset.train_size=60", "model=preactresnet18", "trainer.epochs=2", "trainer.batch_size=20"]


def test_the_least_alpha_of_each_noted_step_is_written_and_drawn(tmp_path: Path) -> None:
    figure2 = load_script("figure2")
    options = [f"output_root={tmp_path}/outputs", "model.width=4,6", "--every", "2", "--results", f"{tmp_path}/figure2"]
    assert figure2.main([*SMALL, *options]) == 0
    frame = pd.read_csv(tmp_path / "figure2" / "alpha.csv")
    assert frame["step"].tolist() == [0, 2, 4] * 2, "two epochs of three steps, two widths"
    assert frame["least_alpha"].between(-1, 0).all(), "some example is always pulled the other way"
    assert (tmp_path / "figure2" / "alpha.png").stat().st_size > 1000
    before = (tmp_path / "figure2" / "alpha.csv").read_bytes()
    assert figure2.main([*SMALL, *options]) == 0
    assert (tmp_path / "figure2" / "alpha.csv").read_bytes() == before, "what has been trained is not trained again"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--every", "0"], "--every: must be a whole number >= 1, got 0"),
        (["model=vgg99"], "model: 'vgg99' is unknown"),
    ],
)
def test_bad_input_is_one_line(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_script("figure2").main(options) == 2
    error = capsys.readouterr().err.strip()
    assert says in error
    assert "\n" not in error


def test_graphs_have_no_mean_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graphs = [*write_rings_and_stars(tmp_path / "rings"), "model=gin", "trainer=graphs", "scheduler=cosine"]
    assert load_script("figure2").main(graphs) == 2
    assert "has no mean input" in capsys.readouterr().err
