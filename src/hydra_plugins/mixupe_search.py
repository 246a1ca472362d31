"""The sweeper behind `hydra/sweeper=optuna`: Hydra's Optuna plugin proposes, trials are ordinary runs of the run store."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mixupe.experiment import launchers
from mixupe.experiment.progress import say
from mixupe.experiment.run import Outcome
from mixupe.experiment.trials import SearchSpace, Trials
from mixupe.settings import UserError


class SearchSweeper(Sweeper):
    """Minimises the validation error over the ranges of the command line.

    Args:
        n_trials: number of points.
        n_jobs: points proposed at a time, which a launcher can run at once.
        sampler: config of an optuna.samplers class; its seed makes a repeated search find its trials.
        study_name, storage: as in optuna.create_study; a storage keeps the study for the next command.
    """

    def __init__(
        self, n_trials: int, n_jobs: int, sampler: DictConfig, study_name: str | None, storage: str | None
    ) -> None:
        self.n_trials = n_trials
        self.n_jobs = n_jobs
        self.sampler = sampler
        self.study_name = study_name
        self.storage = storage
        self.search: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        # Imported here, because Hydra imports this module at every start, and Optuna is an extra.
        try:
            import optuna
            from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl
        except ImportError as error:
            raise UserError("hydra/sweeper=optuna: is not installed; pip install '.[optuna]'") from error
        if OmegaConf.select(config, "table") is not None:
            raise UserError("table: a declared table is no search; leave hydra/sweeper=optuna out")
        for key, value in {"n_trials": self.n_trials, "n_jobs": self.n_jobs}.items():
            if not isinstance(value, int) or value < 1:
                raise UserError(f"hydra.sweeper.{key}: must be an integer > 0, got {value!r}")
        launchers.check_launcher(OmegaConf.select(config, "hydra.launcher._target_"))
        optuna.logging.set_verbosity(logging.ERROR)
        self.search = OptunaSweeperImpl(
            sampler=instantiate(self.sampler),
            direction="minimize",
            storage=self.storage,
            study_name=self.study_name,
            n_trials=self.n_trials,
            n_jobs=self.n_jobs,
            max_failure_rate=1.0,  # a setting that diverges is told to Optuna as failed, and avoided
            search_space=None,
            custom_search_space=None,
            params=None,
        )
        self.search.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> Any:
        space = SearchSpace.parse(arguments)
        sweep_dir, launcher = Path(self.search.sweep_dir), self.search.launcher
        sweep_dir.mkdir(parents=True, exist_ok=True)

        def launch(override_lists: Sequence[Sequence[str]]) -> list[Outcome]:
            return launchers.launch(launcher, override_lists)

        elsewhere = None if isinstance(launcher, BasicLauncher) else launch
        trials = Trials(space, self.n_trials, elsewhere, launchers.workers(launcher))
        self.search.launcher = _Objective(trials)
        try:
            self.search.sweep(list(space.ranges))
        except ValueError:
            trials.best()  # the plugin asks Optuna for the best trial even where all have failed
            raise
        say(trials.summary())
        return trials.best().error


class _Objective:
    """What the plugin takes for a launcher: runs trials as a sweep, returns their validation errors."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials

    def launch(self, points: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:  # noqa: ARG002
        # None is no number, which the plugin tells Optuna as a failed trial.
        return [
            JobReturn(overrides=trial.point, status=JobStatus.COMPLETED, _return_value=trial.error)
            for trial in self.trials.run(points)
        ]
