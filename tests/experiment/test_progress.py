"""Lines and bars: one estimate of the time left, which says nothing as long as it knows nothing."""

import io

import pytest
from rich.console import Console

from mixupe import console
from mixupe.experiment import progress
from mixupe.experiment.progress import OneRun, eta, sweep_progress

METRICS = {"train_loss": 0.5, "validation_error": 3.0}


@pytest.mark.parametrize(
    ("elapsed", "done", "total", "text"),
    [(10.0, 0, 5, ""), (10.0, 2, 4, "ETA 0:10"), (3600.0, 1, 3, "ETA 2:00:00"), (9.0, 3, 3, "ETA 0:00")],
)
def test_the_time_left(elapsed: float, done: int, total: int, text: str) -> None:
    assert eta(elapsed, done, total) == text


def test_lines_of_a_sweep_count_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with sweep_progress("grid", 2) as sweep:
        with sweep.run("seed=0", 3, 0) as bar:
            bar.epoch(1, METRICS)
        sweep.ended(["seed=0: done"])
        sweep.ended(["seed=1: done"])
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("[1/2, ETA 0:0")
    assert second == "[2/2, ETA 0:00] seed=1: done"


def test_in_a_terminal_the_bar_alone_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    _in_a_terminal(monkeypatch, shown)
    with sweep_progress("grid", 2) as sweep, sweep.run("seed=0", 3, 0) as bar:
        bar.epoch(2, METRICS)
        assert sweep.bars is not None
        sweep.bars.refresh()
        assert "ETA" not in shown.getvalue(), "no run has ended"
        sweep.ended(["seed=0: done"])
        sweep.bars.refresh()
    assert "[1/2] seed=0: done" in shown.getvalue()
    assert "seed=0  loss 0.500 val 3.0%" in shown.getvalue()
    assert "ETA 0:0" in shown.getvalue()


def test_a_run_that_goes_on_is_timed_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    _in_a_terminal(monkeypatch, shown)
    with OneRun().run("a run", 10, 8) as bar:
        assert "ETA" not in shown.getvalue()
        bar.epoch(9, METRICS)
    assert "ETA 0:0" in shown.getvalue()


def _in_a_terminal(monkeypatch: pytest.MonkeyPatch, shown: io.StringIO) -> None:
    terminal = Console(file=shown, force_terminal=True, width=80, highlight=False, color_system=None)
    for module in (console, progress):
        monkeypatch.setattr(module, "CONSOLE", terminal)
