"""What a person sees while runs run: bars in a terminal, plain lines elsewhere."""

import functools
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from mixupe import torchrun

CONSOLE = Console(stderr=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One plain line, above the bars where there are any; of the processes of one run, the first one's."""
    if torchrun.rank() != 0:
        return
    console = _SWEEP.bars.console if _SWEEP is not None and _SWEEP.bars is not None else CONSOLE
    console.print(text, markup=False)


@functools.cache
def say_once(text: str) -> None:
    """As `say`, but a text that this process has said before is not repeated."""
    say(text)


def complain(text: str) -> None:
    """One line on standard error; of the processes of one run, the first one's."""
    if torchrun.rank() != 0:
        return
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that does


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=CONSOLE,
    )


@dataclass
class Sweep:
    """The sweep this process runs: `total` runs, `finished` of them, begun at `started` (seconds)."""

    title: str
    total: int
    finished: int
    started: float
    bars: Progress | None

    def lines(self, texts: Sequence[str]) -> None:
        """Report runs that finished together, each with a line that says how far the sweep is."""
        finished = self.finished + len(texts)
        if self.bars is not None:
            self.bars.update(self.bars.task_ids[0], completed=finished)
        elapsed = time.monotonic() - self.started
        left = elapsed / max(finished, 1) * (self.total - finished)
        for text in texts:
            self.finished += 1
            say(f"[{self.finished}/{self.total}, ETA {_clock(left)}] {text}")


_SWEEP: Sweep | None = None


@contextmanager
def sweep_progress(title: str, total: int) -> Iterator[Sweep]:
    """Progress over the runs of a sweep; `run_progress` and `report_runs` inside it join in."""
    global _SWEEP
    bars = _bars() if CONSOLE.is_terminal else None
    sweep = Sweep(title, total, 0, time.monotonic(), bars)
    before, _SWEEP = _SWEEP, sweep
    try:
        if bars is not None:
            bars.add_task(title, total=total)
            bars.start()
        yield sweep
    finally:
        if bars is not None:
            bars.stop()
        _SWEEP = before


def report_runs(texts: Sequence[str], in_sweep: bool) -> None:
    """Say how runs that finished together ended; a worker process of a sweep leaves that to the sweep."""
    if _SWEEP is not None:
        _SWEEP.lines(texts)
    elif not in_sweep:
        for text in texts:
            say(text)


@contextmanager
def run_progress(title: str, epochs: int, done: int, in_sweep: bool) -> Iterator["RunBar"]:
    """Progress over the epochs of one run, of which `done` are behind it.

    `in_sweep` says whether it is one of many, perhaps in a worker process that does not see the sweep's own progress.
    """
    if not CONSOLE.is_terminal:
        yield RunBar(title, epochs, None, alone=not in_sweep)
        return
    shared = _SWEEP.bars if _SWEEP is not None else None
    bars = shared or _bars()
    task = bars.add_task(title, total=epochs, completed=done)
    if shared is None:
        bars.start()
    try:
        yield RunBar(title, epochs, (bars, task), alone=not in_sweep)
    finally:
        bars.remove_task(task)
        if shared is None:
            bars.stop()


@dataclass
class RunBar:
    """Progress of one run; outside a terminal a run that is not part of a sweep says a line now and then."""

    title: str
    epochs: int
    bar: tuple[Progress, TaskID] | None
    alone: bool
    _said: float = 0.0

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        if self.bar is not None:
            bars, task = self.bar
            text = f"loss {metrics['train_loss']:.3f} val {metrics['validation_error']:.1f}%"
            bars.update(task, completed=epoch, description=f"{self.title}  {text}")
        elif self.alone and (time.monotonic() - self._said > 5 or epoch == self.epochs):
            self._said = time.monotonic()
            text = f"train loss {metrics['train_loss']:.4f}  validation error {metrics['validation_error']:.2f}%"
            say(f"{self.title}  epoch {epoch}/{self.epochs}  {text}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
