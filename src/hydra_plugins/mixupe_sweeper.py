"""The sweeper behind `--multirun`: grids and declared tables, checked whole before anything starts, nothing run twice.

It only chooses what to run; scheduling is the launcher's (hydra/launcher=basic, joblib, ray, submitit_slurm).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mixupe.experiment.compose import expand_grid
from mixupe.experiment.sweep import TABLE_OVERRIDES, run_sweep
from mixupe.tables.manifest import Table


class RunSweeper(Sweeper):
    """Takes Hydra's own grid syntax, or `table=NAME` with further overrides for all of its runs."""

    def __init__(self) -> None:
        self.config: DictConfig | None = None
        self.launcher: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from hydra.core.plugins import Plugins

        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        assert self.config is not None
        own = [argument for argument in arguments if not argument.startswith("table=")]
        grid = expand_grid([*own, *TABLE_OVERRIDES])
        declared = OmegaConf.select(self.config, "table")
        if declared is None:
            title, jobs = "grid", grid
        else:
            table = Table.parse(OmegaConf.to_container(declared, resolve=True))
            title, jobs = table.name, [job for extra in grid for job in table.override_lists(extra)]
        sweep_dir = Path(self.config.hydra.sweep.dir)

        def launch(override_lists: Sequence[Sequence[str]]) -> list[Any]:
            sweep_dir.mkdir(parents=True, exist_ok=True)
            returns = self.launcher.launch(override_lists, initial_job_idx=0)
            return [job.return_value for job in returns]

        return run_sweep(title, jobs, launch, in_process=isinstance(self.launcher, BasicLauncher))
