"""The JSON files and the table made of them."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.figures import FIGURES
from benchmarks.machine import kind, machine
from benchmarks.options import Options
from benchmarks.report import Report
from benchmarks.table import build_table
from benchmarks.timing import Spread

CPU = kind(torch.device("cpu"))


def test_a_figure_is_on_disk_as_soon_as_it_is_measured(options: Options, tmp_path: Path) -> None:
    report = Report("step", options, tmp_path)
    report.add("step_float32", Spread(2.5, 2.0, 3.0, 5), "batch 100", {"ours, ms": 7.0})
    path = tmp_path / f"step-{CPU}.json"
    content = json.loads(path.read_text())
    assert path.read_text() == json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert content["complete"] is False
    (figure,) = content["figures"]
    assert figure == {
        "key": "step_float32",
        "what": FIGURES["step_float32"].what,
        "unit": "x",
        "median": 2.5,
        "low": 2.0,
        "high": 3.0,
        "repetitions": 5,
        "how": "batch 100",
        "details": {"ours, ms": 7.0},
        "target": {"sense": ">=", "cpu": 1.3, "gpu": None},
        "met": True,
    }
    assert {"cpu", "cores", "threads", "platform", "instructions", "switches"} <= content["hardware"].keys()
    assert {"python", "torch", "cuda"} <= content["versions"].keys()
    assert content["code"].keys() == {"commit", "dirty"}
    assert content["date"].endswith("+00:00")
    assert content["options"] == {"threads": 1, "repeat": 2}
    assert [path.name for path in tmp_path.iterdir()] == [f"step-{CPU}.json"], "no partial file is left"
    report.close()
    assert json.loads(path.read_text())["complete"] is True


def test_the_table_is_made_from_all_files(options: Options, tmp_path: Path) -> None:
    step, sweep = Report("step", options, tmp_path), Report("sweep", options, tmp_path)
    step.add("step_float32", Spread(1.25, 1.0, 2.0, 5), "batch 100")
    step.add("epoch_vs_timm_alike", Spread(1.5, 1.0, 2.0, 5))
    sweep.add("overhead", Spread(0.25, 0.25, 0.25, 1))
    sweep.leave_out("quickstart_memory", "no data")
    step.close()
    lines = build_table(tmp_path).read_text().splitlines()
    what = {key: FIGURES[key].what for key in ("step_float32", "epoch_vs_timm_alike", "overhead")}
    assert f"| {what['step_float32']} (batch 100) | {CPU} | 1.25 x (1 to 2, 5 times) | >= 1.3 x | - | no |" in lines
    assert f"| {what['epoch_vs_timm_alike']} | {CPU} | 1.5 x (1 to 2, 5 times) | - | - | - |" in lines
    assert f"| {what['overhead']} | {CPU} | 0.25 s | <= 0.5 s | <= 0.5 s | yes |" in lines
    assert f"- sweep, {CPU}: quickstart_memory: no data" in lines
    assert any(line.startswith(f"- step on {CPU}: ") and "tiny sizes" in line for line in lines)
    assert any(line.startswith(f"- sweep on {CPU}: ") and "stopped early" in line for line in lines)


@pytest.mark.parametrize(("measured", "met"), [(0.5, True), (0.51, False)])
def test_a_target_may_be_an_upper_bound(measured: float, met: bool) -> None:
    assert FIGURES["overhead"].is_met(measured, "cuda") is met


@pytest.mark.parametrize(
    ("capability", "has", "found", "name"),
    [
        ("AVX2", set(), ["AVX2"], "cpu-avx2"),
        ("AVX512", set(), ["AVX512"], "cpu-avx512"),
        ("AVX512", {"avx512_bf16"}, ["AVX512", "AVX512_BF16"], "cpu-avx512_bf16"),
        ("AVX512", {"avx512_bf16", "amx_tile"}, ["AVX512", "AVX512_BF16", "AMX"], "cpu-amx"),
    ],
)
def test_a_cpu_is_named_by_its_instruction_sets(
    monkeypatch: pytest.MonkeyPatch, capability: str, has: set[str], found: list[str], name: str
) -> None:
    for switch in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"):
        monkeypatch.delenv(switch, raising=False)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    for feature in ("avx512_bf16", "amx_tile"):
        monkeypatch.setattr(f"torch.cpu._is_{feature}_supported", lambda feature=feature: feature in has)
    assert kind(torch.device("cpu")) == name
    assert kind(torch.device("cuda")) == "cuda"
    assert machine(torch.device("cpu"))["instructions"] == found


def test_a_cpu_that_was_limited_says_by_what(options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    report = Report("step", options, tmp_path)
    report.close()
    assert report.path.name == "step-cpu-avx2.json"
    assert "ONEDNN_MAX_CPU_ISA=AVX2), " in build_table(tmp_path).read_text()
