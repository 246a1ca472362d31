"""metrics.jsonl: one JSON object an epoch, written before any mirror sees it."""

import json
from pathlib import Path

from mixupe.files import Syncs, replacing, set_aside, to_disk

Row = dict[str, float]


class MetricsLog:
    """The epochs' metrics of one run.

    Args:
        path: the file; created at the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._syncs = Syncs()

    def append(self, epoch: int, metrics: Row) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, **metrics}) + "\n")

    def sync(self) -> None:
        """Before each checkpoint: rows are forced to disk where it is due: after a power cut, none is ahead of its rows."""
        if self._syncs.due():
            with self.path.open("a", encoding="utf-8") as file:
                to_disk(file)

    def rows(self) -> list[Row]:
        """The rows of epochs 1, 2, ..., up to the first that is not there; whatever else is in the file is left out."""
        rows: list[Row] = []
        for line in self._lines():
            row = _parsed(line)
            if row is not None and row.get("epoch") == len(rows) + 1:
                rows.append(row)
        return rows

    def is_damaged(self) -> bool:
        """Whether there is more in the file than `rows`; a last line cut off by a kill is no damage."""
        return len(self._lines()) > len(self.rows())

    def keep_until(self, epoch: int) -> None:
        """Drop the rows after `epoch`: a resumed run writes them again. A damaged file is set aside."""
        kept = [json.dumps(row) + "\n" for row in self.rows()[:epoch]]
        if self.is_damaged():
            set_aside(self.path)
        with replacing(self.path) as partial:
            partial.write_text("".join(kept), encoding="utf-8")

    def _lines(self) -> list[str]:
        """All whole lines."""
        if not self.path.exists():
            return []
        return self.path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def _parsed(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
