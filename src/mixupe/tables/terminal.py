"""Tables in a terminal: numbers are never cut, names wrap; plain text where the output is no terminal."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as RichTable

from mixupe.console import CONSOLE


class TerminalTable(RichTable):
    """One column of names (a data set, below it its methods), then columns of numbers.

    Names and titles are plain text: brackets in them are no markup.
    Eighty columns have room for the widest numbers that any table has; what is left is the names'.

    Args:
        title: above it.
        numbers: header of each column of numbers -> what stands below the last row, empty for nothing.
    """

    def __init__(self, title: str, numbers: Mapping[str, str]) -> None:
        lined = box.SIMPLE_HEAD if CONSOLE.is_terminal else None
        footer = any(numbers.values())
        super().__init__(title=escape(title), title_justify="left", box=lined, padding=(0, 2, 0, 0), pad_edge=False)
        self.show_footer = footer
        self.add_column("data set, method", footer="total" if footer else "", overflow="fold", min_width=18)
        for header, below in numbers.items():
            self.add_column(header, footer=below, justify="right", no_wrap=True)
        self._above = ""

    def add(self, dataset: str, method: str, numbers: Sequence[str]) -> None:
        """A method's line; the first of a data set has its name above it."""
        if dataset != self._above:
            if self._above:
                self.add_row("")
            self.add_row(escape(dataset))
            self._above = dataset
        self.add_row(Padding(escape(method), (0, 0, 0, 2)), *numbers)


def terminal_table(title: str, rows: Sequence[Sequence[str]]) -> TerminalTable:
    """Rows of data set, method, error and difference to mixup."""
    table = TerminalTable(title, {"error": "", "difference to mixup": ""})
    for dataset, method, *numbers in rows:
        table.add(dataset, method, numbers)
    return table
