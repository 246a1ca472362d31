"""The table a search ends with: its trials, the best first."""

from pathlib import Path

import pandas as pd

from mixupe.experiment.titles import SHORT_ID, short_names
from mixupe.experiment.trials import Trials
from mixupe.runs.groups import write_beside_sweep
from mixupe.runs.screen import show_table
from mixupe.tables.escape import markdown_table

# That are printed; all of them are written.
MOST_ROWS = 10


def trials_frame(trials: Trials) -> pd.DataFrame:
    """A row a trial, the best first and failed ones last: trial (from 1), the searched keys, validation_error (percent, mean
    over seeds), runs (ids).
    """
    rows = [
        {
            "trial": number,
            **dict(setting.split("=", 1) for setting in trial.point),
            "validation_error": trial.error,
            "runs": " ".join(trial.run_ids),
        }
        for number, trial in enumerate(trials.done, 1)
    ]
    frame = pd.DataFrame(rows).astype({"validation_error": float})
    return frame.sort_values("validation_error", kind="stable", na_position="last", ignore_index=True)


def end_search(trials: Trials, output_root: Path) -> None:
    """Print the best trials and write all, beside the tables of sweeps."""
    frame = trials_frame(trials)
    keys = [str(key) for key in frame.columns if key not in ("trial", "validation_error", "runs")]
    header = ["trial", *short_names(keys).values(), "validation %", "runs"]
    body = [
        [
            str(row["trial"]),
            *(_rounded(row[key]) for key in keys),
            "failed" if pd.isna(row["validation_error"]) else f"{row['validation_error']:.2f}",
            " ".join(run[:SHORT_ID] for run in row["runs"].split()),
        ]
        for row in frame.to_dict("records")
    ]
    title = "Trials by validation error"
    more = f" (the best {MOST_ROWS} of {len(body)})" if len(body) > MOST_ROWS else ""
    show_table(title + more, header, body[:MOST_ROWS], numbers=[*header[:-1]])
    write_beside_sweep(output_root, frame["runs"], frame, f"{title}\n\n{markdown_table(header, body)}\n")


def _rounded(text: str) -> str:
    """A number with as many digits as one reads; the CSV has all."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text
