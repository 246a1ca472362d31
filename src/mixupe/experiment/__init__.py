"""From a config to records; `compare` and `run` are for notebooks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mixupe.runs.notebook import Results


def compare(
    dataset: str | Path,
    augmentations: Sequence[str] = ("none", "mixup", "mixupe"),
    seeds: int = 5,
    overrides: Sequence[str] = (),
    quiet: bool = False,
) -> "Results":
    """See `mixupe.runs.notebook.compare`, which is imported when it is asked for."""
    from mixupe.runs import notebook

    return notebook.compare(dataset, augmentations, seeds, overrides, quiet)
