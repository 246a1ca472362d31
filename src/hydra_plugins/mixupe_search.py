"""The sweeper behind `hydra/sweeper=optuna`: Optuna proposes points, whose trials are ordinary runs of the run store."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mixupe.console import say
from mixupe.errors import UserError, one_line
from mixupe.experiment.command import Command
from mixupe.experiment.launchers import Workers
from mixupe.experiment.trials import SearchSpace, Trials, interval_ends


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

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        # Imported here, because Hydra imports this module at every start, and Optuna is an extra.
        try:
            import optuna
        except ImportError as error:
            raise UserError(
                "hydra/sweeper=optuna: is not installed; pip install -c constraints.txt -e '.[optuna]'"
            ) from error
        if OmegaConf.select(config, "table") is not None:
            raise UserError("table: a declared table is no search; leave hydra/sweeper=optuna out")
        for key, value in {"n_trials": self.n_trials, "n_jobs": self.n_jobs}.items():
            if not isinstance(value, int) or value < 1:
                raise UserError(f"hydra.sweeper.{key}: must be an integer > 0, got {value!r}")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        assert isinstance(task_function, Command)
        self.command = task_function
        self.output_root = Path(config.output_root)
        self.workers = Workers(hydra_context, config)

    def sweep(self, arguments: list[str]) -> float | None:  # noqa: ARG002 - Hydra does not know those of the runs
        import optuna

        space = SearchSpace.parse(self.command.run_overrides)
        ranges = {key: _distribution(override) for key, override in space.ranges.items()}
        study = self._study()
        trials = Trials(space, self.n_trials, self.workers.launch, self.workers.count)
        while len(trials.done) < self.n_trials:
            asked = [study.ask(ranges) for _ in range(min(self.n_jobs, self.n_trials - len(trials.done)))]
            points = [[f"{key}={suggestion.params[key]}" for key in ranges] for suggestion in asked]
            for suggestion, trial in zip(asked, trials.run(points), strict=True):
                if trial.error is None:  # a setting that diverges is avoided
                    study.tell(suggestion, state=optuna.trial.TrialState.FAIL)
                else:
                    study.tell(suggestion, trial.error)
        if len(trials.done) > 1:
            from mixupe.runs.trials import end_search  # with pandas, which the start of every command would wait for

            end_search(trials, self.output_root)
        say(trials.summary())
        return trials.best().error

    def _study(self) -> Any:
        import optuna

        sampler = instantiate(self.sampler)
        try:
            study = optuna.create_study(
                storage=self.storage, sampler=sampler, study_name=self.study_name, load_if_exists=True
            )
        except Exception as error:  # of whatever library the storage is kept with
            if self.storage is None:
                raise
            raise UserError(f"hydra.sweeper.storage: {self.storage} cannot be used ({one_line(error)})") from error
        if study.trials and self.sampler.get("seed") is not None:  # the same seed would propose the first points again
            study.sampler = instantiate(self.sampler, seed=self.sampler.seed + len(study.trials))
        return study


def _distribution(override: Override) -> Any:
    """Optuna's form of a range or of choices, which are kept as they are written.

    Raises:
        UserError: Optuna takes no such range: its ends are in the wrong order, or not above 0 for `log`.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            low, high = interval_ends(value)
            kind: Any = IntDistribution if isinstance(low, int) else FloatDistribution
            return kind(low, high, log="log" in value.tags)
        if isinstance(value, RangeSweep) and not value.shuffle:
            values = list(value.range())
            kind = IntDistribution if all(isinstance(value, int) for value in values) else FloatDistribution
            return kind(min(values), max(values), step=abs(value.step))
    except ValueError as error:
        raise UserError(f"{override.input_line}: is no range to search ({one_line(error)})") from error
    return CategoricalDistribution(list(override.sweep_string_iterator()))
