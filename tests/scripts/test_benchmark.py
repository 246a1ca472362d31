"""scripts/benchmark.py with its tiny sizes; figures are not looked at, a busy machine would change them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.figures import FIGURES
from benchmarks.machine import instruction_sets, kind
from benchmarks.processes import Finished, Peak
from tests.scripts.test_train import load_script


def run(*arguments: str) -> int:
    status: int = load_script("benchmark").main(arguments)
    return status


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "error: the following arguments are required: what"),
        (["steps"], "error: argument what: invalid choice: 'steps' (choose from"),
        (["step", "--repeat", "x"], "error: argument --repeat: invalid int value: 'x'"),
        (["step", "--repeat", "3"], "error: --repeat: must be at least 5 without --quick, got 3"),
        (["step", "--threads", "0"], "error: --threads: must be at least 1, got 0"),
        (["step", "--device", "tpu"], "error: argument --device: invalid choice: 'tpu' (choose from"),
        (["step", "--fast"], "error: unrecognized arguments: --fast"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(says)
    assert captured.err.count("\n") == 1
    assert captured.out == ""


CPU = kind(torch.device("cpu"))
EXPECTED = {
    "step": {"step_vs_textbook", "step_float32", "clean_pass_separate", "clean_pass_joint", "penalty_every_4"},
    "epoch": {"epoch_vs_bare", "epoch_vs_timm", "epoch_vs_timm_alike", "input_wait"},
    "data": {
        *("images_vs_torchvision", "graphs_vs_pyg", "speech_vs_torchaudio", "jpegs_vs_torchvision"),
        *("streaming_wait", "streaming_memory", "streaming_growth"),
    },
    "sweep": {
        *("stacked_vs_in_turn", "overhead", "sweep_vs_processes", "dry_seconds", "dry_memory", "dry_growth"),
        *("table_seconds", "table_memory", "table_growth"),
    },
}


def check(what: str, folder: Path) -> None:
    content = json.loads((folder / f"{what}-{CPU}.json").read_text())
    assert content["complete"]
    assert content["quick"]
    assert {figure["key"] for figure in content["figures"]} >= EXPECTED[what]
    assert all(figure["median"] == figure["median"] and figure["how"] for figure in content["figures"])
    table = (folder / "table.md").read_text()
    assert all(FIGURES[key].what in table for key in EXPECTED[what])


@pytest.mark.parametrize("what", ["step", "epoch"])
def test_figures_of_steps_and_epochs(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(what, "--quick", "--device", "cpu", "--threads", "1", "--output", str(tmp_path)) == 0
    check(what, tmp_path)
    said = capsys.readouterr().out
    assert said.startswith(f"{CPU}; instruction sets of the CPU: {', '.join(instruction_sets())}\n")
    assert f"Written to {tmp_path}/{what}-{CPU}.json and {tmp_path}/table.md" in said


@pytest.mark.slow
@pytest.mark.parametrize("what", ["data", "sweep"])
def test_figures_of_data_and_sweeps(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_this_process(job: Callable[..., Any], *arguments: Any) -> Finished[Any]:
        return Finished(job(*arguments), 1.0, Peak(1))

    monkeypatch.setattr("benchmarks.streaming.in_fresh_process", in_this_process)
    monkeypatch.setattr("benchmarks.growth.in_fresh_process", in_this_process)
    monkeypatch.setattr("benchmarks.sweep.quickstart", lambda _options, _report, _folder: None)
    assert run(what, "--quick", "--device", "cpu", "--threads", "1", "--output", str(tmp_path)) == 0
    check(what, tmp_path)


def test_every_figure_belongs_to_a_benchmark() -> None:
    assert set().union(*EXPECTED.values()) | {"step_bf16", "quickstart_memory"} == set(FIGURES)
