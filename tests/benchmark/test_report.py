"""The JSON files and the table made of them."""

import json
from pathlib import Path

import pytest

from mixupe.benchmark.catalogue import FIGURES
from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.table import build_table, to_terminal
from mixupe.benchmark.timing import Spread


def test_a_figure_is_on_disk_as_soon_as_it_is_measured(options: Options, tmp_path: Path) -> None:
    report = Report("step", options, tmp_path)
    report.add("step_vs_textbook", Spread(2.5, 2.0, 3.0, 5), "batch 100", {"ours, ms": 7.0})
    path = tmp_path / "step-cpu.json"
    content = json.loads(path.read_text())
    assert path.read_text() == json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert content["complete"] is False
    (figure,) = content["figures"]
    assert figure == {
        "key": "step_vs_textbook",
        "what": FIGURES["step_vs_textbook"].what,
        "unit": "x",
        "median": 2.5,
        "low": 2.0,
        "high": 3.0,
        "repetitions": 5,
        "how": "batch 100",
        "details": {"ours, ms": 7.0},
        "target": {"sense": ">=", "cpu": 1.9, "gpu": 4.0},
        "met": True,
    }
    assert {"cpu", "cores", "threads", "platform"} <= content["hardware"].keys()
    assert {"python", "torch", "cuda"} <= content["versions"].keys()
    assert content["code"].keys() == {"commit", "dirty"}
    assert content["date"].endswith("+00:00")
    assert content["options"] == {"threads": 1, "repeat": 2}
    assert [one.name for one in tmp_path.iterdir()] == ["step-cpu.json"], "no partial file is left"
    report.close()
    assert json.loads(path.read_text())["complete"] is True


def test_the_table_is_made_from_all_files(options: Options, tmp_path: Path) -> None:
    step, sweep = Report("step", options, tmp_path), Report("sweep", options, tmp_path)
    step.add("step_vs_textbook", Spread(1.5, 1.0, 2.0, 5), "batch 100")
    step.add("epoch_vs_timm_alike", Spread(1.5, 1.0, 2.0, 5))
    sweep.add("overhead", Spread(0.25, 0.25, 0.25, 1))
    sweep.leave_out("quickstart_memory", "no data")
    step.close()
    lines = build_table(tmp_path).read_text().splitlines()
    what = {key: FIGURES[key].what for key in ("step_vs_textbook", "epoch_vs_timm_alike", "overhead")}
    assert (
        f"| {what['step_vs_textbook']} (batch 100) | cpu | 1.5 x (1 to 2, 5 times) | >= 1.9 x | >= 4 x | no |" in lines
    )
    assert f"| {what['epoch_vs_timm_alike']} | cpu | 1.5 x (1 to 2, 5 times) | - | - | - |" in lines
    assert f"| {what['overhead']} | cpu | 0.25 s | <= 0.5 s | <= 0.5 s | yes |" in lines
    assert "- sweep, cpu: quickstart_memory: no data" in lines
    assert any(line.startswith("- step on cpu: ") and "tiny sizes" in line for line in lines)
    assert any(line.startswith("- sweep on cpu: ") and "stopped early" in line for line in lines)
    assert to_terminal(step.content).row_count == 2


@pytest.mark.parametrize(("measured", "met"), [(0.5, True), (0.51, False)])
def test_a_target_may_be_an_upper_bound(measured: float, met: bool) -> None:
    assert FIGURES["overhead"].is_met(measured, "cuda") is met
