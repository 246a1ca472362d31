"""metrics.jsonl: one JSON object an epoch, written before any mirror sees it."""

import json
import os
from pathlib import Path

from mixupe.files import replacing

Row = dict[str, float]


class MetricsLog:
    """The epochs' metrics of one run.

    Args:
        path: the file; created at the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, epoch: int, metrics: Row) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, **metrics}) + "\n")

    def sync(self) -> None:
        """Rows are on disk when it returns. So, before each checkpoint, none is ahead of its metrics after a power cut."""
        with self.path.open("a", encoding="utf-8") as file:
            os.fsync(file.fileno())

    def rows(self) -> list[Row]:
        """All whole rows; a last line cut off by a kill is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def keep_until(self, epoch: int) -> None:
        """Drop the rows after `epoch`: a resumed run writes them again."""
        kept = [json.dumps(row) + "\n" for row in self.rows() if row["epoch"] <= epoch]
        with replacing(self.path) as partial:
            partial.write_text("".join(kept), encoding="utf-8")
