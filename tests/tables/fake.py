"""Records as the pipeline writes them, without training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.record import config_of
from mixupe.experiment.settings import RunSettings
from mixupe.tables.collect import DeclaredRun, declared_runs
from mixupe.tables.manifest import Table

COMMIT = "133fd8c461cd8d9dfc7b25d2446a226d4cae535b"


def fake_record(settings: RunSettings, error: float, epochs: int = 12) -> dict[str, Any]:
    """A whole record with curves that fall to `error` percent."""
    falling = [math.exp(-epoch / 3) for epoch in range(epochs)]
    return {
        "id": run_id(settings),
        "group": group_id(settings),
        "engine": 1,
        "dataset": settings.dataset.name,
        "domain": settings.dataset.domain,
        "model": settings.model.name,
        "augmentation": settings.augmentation.name,
        "seed": settings.seed,
        "protocol": settings.protocol,
        "config": config_of(settings),
        "metrics": {"best_epoch": epochs - 2, "test_error": error, "validation_error": error, "test_loss": error / 40},
        "curves": {
            "train_loss": [0.1 + 2 * excess for excess in falling],
            "validation_loss": [error / 40 + 2 * excess for excess in falling],
            "validation_error": [error + 60 * excess for excess in falling],
        },
        "parameters": 1234,
        "examples": {"train": 100, "validation": 20, "test": 30},
        "classes": 3,
        "split": f"{settings.seed:064x}",
        "notes": [],
        "code": {"commit": COMMIT, "dirty": settings.seed == 1},
        "versions": {"python": "3.11.7", "torch": "2.11.0"},
        "hardware": {"device": "cpu", "name": "A processor", "platform": "Linux", "threads": 1},
        "timing": {"started": 1795405338.0, "finished": 1795405344.5, "seconds": 6.5},
    }


def fake_runs(table: Table, folder: Path, error: Callable[[DeclaredRun], float]) -> list[DeclaredRun]:
    """All declared runs of a table as done; nothing is written."""
    with hydra_initialised():
        runs: Sequence[DeclaredRun] = declared_runs(table, folder / "results", [f"output_root={folder}/outputs"])
    return [replace(run, state="DONE", record=fake_record(run.settings, error(run))) for run in runs]
