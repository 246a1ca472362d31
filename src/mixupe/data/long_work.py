"""How far work on very many files is, on standard error: a bar in a terminal, elsewhere a line now and then."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

# Decoding that many files takes long enough to show how far it is.
LARGE = 5000
# Outside a terminal, the time in seconds between two lines.
SAY_EVERY_S = 60.0

T = TypeVar("T")


def shown(items: Iterable[T], total: int, text: str) -> Iterator[T]:
    """The items; while they are gone through, `text` and how far it is are shown, if `total`, their number, is LARGE."""
    if total < LARGE:
        yield from items
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if console.is_terminal:
        yield from track(items, text, total, console=console, transient=True)
        return
    console.print(text, markup=False)
    said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            console.print(f"{text}: {done:,}", markup=False)
