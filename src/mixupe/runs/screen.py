"""Tables for the terminal: of its width, with whole words."""

import os
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mixupe.console import CONSOLE


def columns() -> int:
    """Of the terminal; 80 where there is none and COLUMNS does not say otherwise."""
    return CONSOLE.width if CONSOLE.is_terminal else int(os.environ.get("COLUMNS") or 80)


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """Print a table; long cells go on in a further line, between words.

    Args:
        title: above it.
        header: names of the columns; the widest one of text gets what is left.
        rows: plain text, no markup.
        numbers: columns that are aligned to the right.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in header:
        is_number = name in numbers
        # Without the fold a word that is wider than its column would be cut.
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console(highlight=False, width=columns())
    console.print(title, markup=False, style="bold")  # above it, not as wide as it: short tables have long titles
    console.print(table)


def say_wrapped(text: str) -> None:
    """A paragraph, wrapped to the terminal's width."""
    Console(highlight=False, width=columns()).print(text, markup=False)
