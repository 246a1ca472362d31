"""scripts/gpu.py's time limit, with stand-ins for its steps."""

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.scripts.test_train import ROOT, load_script


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on a machine that claims to have a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    return load_script("gpu")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "error: no CUDA device is available; this is for a machine with a GPU"),
        (["--minutes", "0"], "error: --minutes: must be a number > 0, got 0"),
        (["--minutes", "nan"], "error: --minutes: must be a number > 0, got nan"),
        (["--minutes", "ten"], "error: argument --minutes: invalid float value: 'ten'"),
        (
            ["--only", "step,tabel"],
            "error: --only: 'tabel' is unknown, allowed are tests, step, epoch, data, sweep, cifar100, fashion_mnist",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert load_script("gpu").main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err == says + "\n"
    assert captured.out == ""


def test_make_gpu_needs_no_virtual_environment() -> None:
    command = ["make", "-n", "gpu", "GPU_PYTHON=/some/python3", "MINUTES=9", "ONLY=cifar100", "OVERRIDES=seed=0"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "venv" not in shown
    assert "/some/python3 scripts/gpu.py --minutes=9" in shown
    assert "--only=cifar100 seed=0" in " ".join(shown.replace("\\", " ").split())


def test_time_ends_a_step_with_all_it_started_and_the_rest_is_said(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "alive"
    child = f"import time, pathlib\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(0.05)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    commands = {"tests": ["-c", "pass"], "step": ["-c", parent]}
    monkeypatch.setattr(gpu, "_command", lambda name: commands[name])
    monkeypatch.setattr(gpu, "LEAST_S", 0.1)
    started = time.monotonic()
    assert gpu.main(["--minutes", str(2.5 / 60), "--only", "tests,step,cifar100"]) == 0
    assert time.monotonic() - started < 10
    mark.unlink()
    time.sleep(0.3)
    assert not mark.exists(), "what the step had started is gone too"
    out = capsys.readouterr().out
    assert "tests: done; step: stopped; cifar100: not begun" in out
    assert out.splitlines()[-1] == "the time is over; left: make gpu ONLY=step,cifar100"


def test_a_step_that_fails_is_status_1_and_the_next_is_begun(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = {"tests": ["-c", "raise SystemExit(3)"], "step": ["-c", "pass"]}
    monkeypatch.setattr(gpu, "_command", lambda name: commands[name])
    assert gpu.main(["--minutes", "1", "--only", "tests,step"]) == 1
    assert "tests: failed; step: done" in capsys.readouterr().out


def test_the_steps_are_commands_of_this_project(gpu: ModuleType) -> None:
    assert gpu._command("step")[-3:] == ["step", "--device", "cuda"]
    files = [Path(argument) for argument in gpu._command("tests") if argument.endswith(".py")]
    assert ROOT / "tests" / "data" / "graphs" / "test_flat.py" in files
    assert ROOT / "tests" / "tables" / "test_table.py" not in files


@pytest.mark.parametrize("table", ["cifar100", "fashion_mnist"])
def test_a_table_is_trained_in_the_time_that_is_left(
    table: str, gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[list[str]] = []

    def run(name: str, command: list[str], clock: object) -> str:
        begun.append(list(command))
        return "done"

    monkeypatch.setattr(gpu, "_run", run)
    monkeypatch.setattr(gpu.subprocess, "run", lambda *_a, **_k: subprocess.CompletedProcess([], 1))
    assert gpu.main(["--minutes", "2", "--only", table, f"data.root={tmp_path}"]) == 0
    (command,) = begun
    assert command[1:3] == ["--multirun", f"table={table}"]
    minutes = float(command[3].removeprefix("hydra.sweeper.minutes="))
    assert 1.2 < minutes <= 1.25, "time is kept for the table's files"
    assert command[-1] == f"data.root={tmp_path}"
    assert sys.executable
