"""How far a measurement is: a bar in a terminal, a plain line elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mixupe.experiment.progress import CONSOLE, say


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives a function to call after each of `total` pieces of work."""
    if not CONSOLE.is_terminal:
        say(f"{title} ...")
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
