"""A built table as a W&B run of its own: each CSV file a wandb.Table, each picture an image."""

import hashlib
from collections.abc import Iterable
from typing import Any

import pandas as pd

from mixupe.experiment.wandb_environment import is_on, wandb_package
from mixupe.experiment.wandb_logger import wandb_run
from mixupe.tables.build import BuiltTable

JOB_TYPE = "table"


def log_table(built: BuiltTable) -> None:
    """Log the files of a built table with the logger of its runs; does nothing where that is not on.

    The id is that of the content, so a table that is built again without any change is the same W&B run.

    Raises:
        UserError: wandb is not installed, or WANDB_MODE is wrong.
    """
    settings = built.runs[0].settings
    if not is_on(settings.logger):
        return
    files = sorted(built.folder.glob("*.csv"))
    name = built.table.name
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    with wandb_run(
        settings.logger,
        settings.output_root,
        id=f"table-{name}-{digest}",
        group=name,
        job_type=JOB_TYPE,
        name=name,
        tags=[JOB_TYPE, name],
        config={"table": built.table.model_dump(mode="json")},
    ) as run:
        if run is None:
            return
        wandb = wandb_package()
        content: dict[str, object] = {}
        for path in files:
            frame = pd.read_csv(path).astype(object)
            rows: list[Iterable[Any]] = [list(row) for row in frame.where(frame.notna(), None).itertuples(index=False)]
            content[path.stem] = wandb.Table(columns=list(frame.columns), rows=rows, allow_mixed_types=True)
        for path in sorted(built.folder.glob("*.png")):
            content[f"{path.stem} picture"] = wandb.Image(str(path))
        run.log(content)
