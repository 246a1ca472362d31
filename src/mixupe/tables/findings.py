"""The three files of what was found about one run."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mixupe.files import write_json, write_text
from mixupe.tables.escape import csv_text
from mixupe.tables.pictures.canvas import write_figures


def write_findings(folder: Path, name: str, found: dict[str, Any], frame: pd.DataFrame, figure: Figure) -> None:
    """Write `name`.json (everything), .csv (`frame`) and .png."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{name}.json", found)
    write_text(folder / f"{name}.csv", csv_text(frame))
    write_figures([figure], folder, name)
