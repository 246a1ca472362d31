"""A precision that this machine emulates is said before a run and once a sweep, and kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixupe import console
from mixupe.experiment.run import request_run
from mixupe.experiment.sweep import run_sweep
from tests.experiment.conftest import Compose

LINE = "warning: trainer.precision=bf16 is 10 times slower, which has no instructions for it"


@pytest.fixture(autouse=True)
def _emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("mixupe.experiment.run.slow_bf16", lambda _device: "10 times slower")
    console.warn_once.cache_clear()
    yield
    console.warn_once.cache_clear()


def test_a_run_says_so_first_and_keeps_its_precision(compose: Compose, capsys: pytest.CaptureFixture[str]) -> None:
    record = request_run(compose("trainer.precision=bf16", "trainer.epochs=1")).record
    assert record is not None
    assert record["config"]["trainer"]["precision"] == "bf16"
    assert capsys.readouterr().out.splitlines()[0] == LINE


def test_a_sweep_says_so_once_before_its_runs(
    compose: Compose, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    base = ["dataset=tabular/wine", "trainer.epochs=1", "trainer.device=cpu", "logger=none", f"output_root={tmp_path}"]
    jobs = [[*base, f"trainer.precision={precision}"] for precision in ("float32", "bf16")]
    run_sweep("grid", [*jobs, [*jobs[1], "seed=1"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["grid: 3 runs, 0 finished before, 3 to do", LINE]
    assert lines.count(LINE) == 1


def test_float32_is_nothing_to_speak_of(compose: Compose, capsys: pytest.CaptureFixture[str]) -> None:
    request_run(compose("trainer.epochs=1"))
    assert "warning" not in capsys.readouterr().out
