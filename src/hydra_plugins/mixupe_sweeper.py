"""The sweeper behind `--multirun`: grids and declared tables, checked whole before anything starts, nothing run twice.

It only chooses what to run; scheduling is the launcher's (hydra/launcher=basic, joblib, ray, submitit_slurm).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mixupe.experiment import launchers
from mixupe.experiment.compose import compose_all, expand_grid
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.sweep import TABLE_OVERRIDES, SweepFailedError, run_sweep
from mixupe.runs.groups import end_sweep
from mixupe.settings import UserError
from mixupe.stopping import time_box
from mixupe.tables.collect import RESULTS
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
        self.config: DictConfig | None = None
        self.launcher: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from hydra.core.plugins import Plugins

        self.config = config
        launchers.check_launcher(OmegaConf.select(config, "hydra.launcher._target_"))
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        assert self.config is not None
        own = [argument for argument in arguments if not argument.startswith("table=")]
        grid = expand_grid([*own, *TABLE_OVERRIDES])
        declared = OmegaConf.select(self.config, "table")
        if declared is None:
            title, jobs, results = "grid", grid, None
        else:
            table = Table.parse(OmegaConf.to_container(declared, resolve=True))
            title, jobs = table.name, [job for extra in grid for job in table.override_lists(extra)]
            results = self.results / table.name
        sweep_dir = Path(self.config.hydra.sweep.dir)

        def launch(override_lists: Sequence[Sequence[str]]) -> list[Outcome]:
            sweep_dir.mkdir(parents=True, exist_ok=True)
            return launchers.launch(self.launcher, override_lists)

        with time_box(self._checked_minutes()):
            elsewhere = None if isinstance(self.launcher, BasicLauncher) else launch
            try:
                outcomes = run_sweep(title, jobs, elsewhere, results, launchers.workers(self.launcher))
            except SweepFailedError:
                self._show_table(jobs)
                raise
            self._show_table(jobs)
            return outcomes

    def _show_table(self, jobs: Sequence[Sequence[str]]) -> None:
        """Of a grid; a declared table is built by scripts/table.py."""
        assert self.config is not None
        if OmegaConf.select(self.config, "table") is None:
            end_sweep(compose_all(jobs), Path(self.config.output_root))

    def _checked_minutes(self) -> float | None:
        if self.minutes is None:
            return None
        is_number = isinstance(self.minutes, int | float) and not isinstance(self.minutes, bool)
        if not (is_number and 0 < self.minutes < math.inf):
            raise UserError(f"hydra.sweeper.minutes: must be a number > 0, got {self.minutes!r}")
        return float(self.minutes)
