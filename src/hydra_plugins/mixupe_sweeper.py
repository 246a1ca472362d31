"""The sweeper behind `--multirun`: grids and declared tables, checked whole before anything starts, nothing run twice.

It only chooses what to run; scheduling is the launcher's (hydra/launcher=basic, joblib, ray, submitit_slurm).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mixupe.errors import UserError
from mixupe.experiment.command import Command
from mixupe.experiment.compose import compose_all, expand_grid
from mixupe.experiment.launchers import Workers
from mixupe.experiment.sweep import SweepFailedError, run_sweep
from mixupe.places import RESULTS
from mixupe.preemption import time_box
from mixupe.tables.declared import check_cells, check_name
from mixupe.tables.manifest import Table


class RunSweeper(Sweeper):
    """Takes Hydra's own grid syntax, or `table=NAME` with further overrides for all of its runs.

    Args:
        minutes: after that long no run is started, and those in progress stop at a checkpoint; None is no limit.
        results: folder that holds one folder a table, whose records count as done; None is the project's own.
    """

    def __init__(self, minutes: Any = None, results: str | None = None) -> None:
        self.minutes = minutes
        self.results = RESULTS if results is None else Path(results)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        assert isinstance(task_function, Command)
        self.command = task_function
        self.declared = OmegaConf.select(config, "table")
        self.table_file = OmegaConf.select(config, "hydra.runtime.choices.table")
        self.output_root = Path(config.output_root)
        self.workers = Workers(hydra_context, config)

    def sweep(self, arguments: list[str]) -> Any:  # noqa: ARG002 - Hydra does not know those of the runs
        grid = expand_grid(self.command.run_overrides)
        if self.declared is None:
            title, jobs, results = "grid", grid, None
        else:
            table = Table.parse(OmegaConf.to_container(self.declared, resolve=True))
            check_name(table, self.table_file)
            for extra in grid:
                check_cells(table, extra)
            title, jobs = table.name, [job for extra in grid for job in table.override_lists(extra)]
            results = self.results / table.name
        with time_box(self._checked_minutes()):
            try:
                outcomes = run_sweep(title, jobs, self.workers.launch, results, self.workers.count)
            except SweepFailedError:
                self._show_table(jobs)
                raise
            self._show_table(jobs)
            return outcomes

    def _show_table(self, jobs: Sequence[Sequence[str]]) -> None:
        """Of a grid; a declared table is built by scripts/table.py."""
        if self.declared is None:
            from mixupe.runs.groups import end_sweep

            end_sweep(compose_all(jobs), self.output_root)

    def _checked_minutes(self) -> float | None:
        if self.minutes is None:
            return None
        is_number = isinstance(self.minutes, int | float) and not isinstance(self.minutes, bool)
        if not (is_number and 0 < self.minutes < math.inf):
            raise UserError(f"hydra.sweeper.minutes: must be a number > 0, got {self.minutes!r}")
        return float(self.minutes)
