"""The files of an analysed run, of a network of straight pieces and of a smooth one."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from mixupe.analysis.measure import Pairs, measured
from mixupe.analysis.network import Frozen
from mixupe.experiment.analysis import Analysis
from mixupe.files import read_json
from mixupe.tables.analysis import analysis_frame, write_analysis


def analysis_of(activation: nn.Module) -> Analysis:
    torch.manual_seed(0)
    network = Frozen(nn.Sequential(nn.Linear(4, 16), activation, nn.Linear(16, 3)))
    x, y = torch.randn(30, 4, dtype=torch.float64), torch.arange(30) % 3
    found = measured(network, Pairs(x, x.flip(0), y, x.mean(dim=0)), 1.0)
    facts = {"dataset": "toy", "model": "mlp", "augmentation": "mixup", "seed": 0, "alpha": 1.0, "mix_at": "input"}
    points = [{"step": step, "epoch": float(step), **deepcopy(found)} for step in (0, 5)]
    return {**facts, "pairs": 30, "weights": "checkpoint", "points": points}


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Tanh()])
def test_every_snapshot_is_a_row(activation: nn.Module, tmp_path: Path) -> None:
    analysis = analysis_of(activation)
    frame = write_analysis(analysis, tmp_path)
    assert list(frame["step"]) == [0, 5]
    assert bool(frame["piecewise_linear"].all()) is isinstance(activation, nn.ReLU)
    terms = analysis["points"][0]["series"]["terms"]
    assert [frame[f"term_{k}"][0] for k in (1, 2, 3, 4)] == terms[:4]
    assert frame.loc[0, "remainder_4"] == analysis["points"][0]["series"]["remainders"][4]
    assert read_json(tmp_path / "analysis.json") == analysis
    assert (tmp_path / "analysis.png").read_bytes().startswith(b"\x89PNG")
    assert not [name for name in frame.columns if name.endswith("_5")], "the JSON file has the higher orders"


def test_the_same_analysis_is_the_same_bytes(tmp_path: Path) -> None:
    analysis = analysis_of(nn.ReLU())
    for name in ("one", "two"):
        write_analysis(analysis, tmp_path / name)
    for file in ("analysis.json", "analysis.csv", "analysis.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_cosine_without_direction_is_left_empty(tmp_path: Path) -> None:
    analysis = analysis_of(nn.ReLU())
    analysis["points"][0]["cosines"]["approximate"]["v3"] = None
    write_analysis(analysis, tmp_path)
    assert analysis_frame(analysis)["cosine_v3"].isna().tolist() == [True, False]
