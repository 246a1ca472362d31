"""What a person sees while runs run: bars in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from mixupe.console import CONSOLE, say

# Outside a terminal, the time in seconds between two lines of a run.
SAY_EVERY_S = 5.0


class RunBar(Protocol):
    """Progress of one run, or of several that are trained at once."""

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """After each epoch."""


class Display(Protocol):
    """Where progress is shown."""

    def ended(self, lines: Sequence[str]) -> None:
        """Runs that ended together, a line each."""

    def run(self, title: str, epochs: int, done: int) -> AbstractContextManager[RunBar]:
        """Progress over the epochs of a run, of which `done` are behind it, while the block runs."""


class Quiet:
    """Shows nothing: a worker's runs are reported by its sweep."""

    def ended(self, lines: Sequence[str]) -> None:
        pass

    @contextmanager
    def run(self, title: str, epochs: int, done: int) -> Iterator[RunBar]:  # noqa: ARG002 - of the protocol
        yield self

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        pass


class OneRun:
    """Of a run that is asked for by itself: a bar, or a line now and then, and how it ended."""

    def ended(self, lines: Sequence[str]) -> None:
        for line in lines:
            say(line)

    @contextmanager
    def run(self, title: str, epochs: int, done: int) -> Iterator[RunBar]:
        if not CONSOLE.is_terminal:
            yield _Lines(title, epochs)
            return
        with _bars() as bars:
            yield _bar(bars, title, epochs, done, has_eta=True)


@dataclass
class Sweep:
    """Of a sweep over `total` runs, of which `finished` have ended: one bar, one of each run, a line as each ends.

    The one estimate of the time left is the sweep's: in its bar, in a terminal, else in the lines.
    """

    total: int
    bars: Progress | None
    finished: int = 0
    started: float = field(default_factory=time.monotonic)

    def ended(self, lines: Sequence[str]) -> None:
        finished = self.finished + len(lines)
        if self.bars is not None:
            self.bars.update(self.bars.task_ids[0], completed=finished)
        left = "" if self.bars is not None else eta(time.monotonic() - self.started, finished, self.total)
        for line in lines:
            self.finished += 1
            say(f"[{self.finished}/{self.total}{left and f', {left}'}] {line}")

    @contextmanager
    def run(self, title: str, epochs: int, done: int) -> Iterator[RunBar]:
        if self.bars is None:
            yield Quiet()
            return
        bar = _bar(self.bars, title, epochs, done, has_eta=False)
        try:
            yield bar
        finally:
            self.bars.remove_task(bar.task)


@contextmanager
def sweep_progress(title: str, total: int) -> Iterator[Sweep]:
    """Progress over the runs of a sweep."""
    if not CONSOLE.is_terminal:
        yield Sweep(total, None)
        return
    with _bars() as bars:
        _bar(bars, title, total, 0, has_eta=True)
        yield Sweep(total, bars)


def eta(elapsed: float, done: int, total: int) -> str:
    """`ETA 1:23`, from what was done in `elapsed` seconds; nothing as long as that is nothing."""
    return f"ETA {_clock(elapsed / done * (total - done))}" if done > 0 else ""


class _Eta(ProgressColumn):
    def render(self, task: Task) -> Text:
        if not task.fields["has_eta"]:
            return Text()
        before = task.fields["before"]
        return Text(eta(task.elapsed or 0.0, round(task.completed) - before, round(task.total or 0) - before))


@dataclass(frozen=True)
class _Bar:
    bars: Progress
    task: TaskID
    title: str

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        text = f"loss {metrics['train_loss']:.3f} val {metrics['validation_error']:.1f}%"
        self.bars.update(self.task, completed=epoch, description=f"{self.title}  {text}")


@dataclass
class _Lines:
    title: str
    epochs: int
    said: float = 0.0

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        if time.monotonic() - self.said > SAY_EVERY_S or epoch == self.epochs:
            self.said = time.monotonic()
            text = f"train loss {metrics['train_loss']:.4f}  validation error {metrics['validation_error']:.2f}%"
            say(f"{self.title}  epoch {epoch}/{self.epochs}  {text}")


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), _Eta(), console=CONSOLE
    )


def _bar(bars: Progress, title: str, total: int, done: int, has_eta: bool) -> _Bar:
    return _Bar(bars, bars.add_task(title, total=total, completed=done, before=done, has_eta=has_eta), title)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
