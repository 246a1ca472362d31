"""A search over continuous settings: what it varies, and the trials it asks for, which are ordinary runs.

Knows of Hydra's override grammar and of sweeps, not of any search library.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import fmean

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

from mixupe.console import say
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_all
from mixupe.experiment.request import Request
from mixupe.experiment.sweep import Launch, SweepFailedError, run_sweep

OBJECTIVE = "validation_error"


@dataclass(frozen=True)
class SearchSpace:
    """What a search varies and what it holds fixed.

    Attributes:
        ranges: overrides that give a range or choices, such as `augmentation.eta=tag(log,interval(0.0001,1))`, by key.
        fixed: all others but the seed, the last of each key.
        seeds: every trial is run with each of them.
    """

    ranges: Mapping[str, Override]
    fixed: tuple[str, ...]
    seeds: tuple[str, ...]

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "SearchSpace":
        """The command line of a search, all ends of whose ranges are checked.

        Raises:
            UserError: nothing is searched, the data set is, or an end of a range is not allowed.
        """
        parsed = OverridesParser.create().parse_overrides(list(arguments))
        # A recipe's value stands before the user's own.
        last = {override.get_key_element(): override for override in parsed}
        if "dataset" in last and last["dataset"].is_sweep_override():
            raise UserError("dataset: a search is on one data set; several are what a table is for")
        seed = last.pop("seed", None)
        ranges = {key: override for key, override in last.items() if override.is_sweep_override()}
        if not ranges:
            raise UserError(
                "hydra/sweeper=optuna: nothing to search; give a range, such as"
                " 'augmentation.eta=tag(log,interval(0.0001,1))'"
            )
        fixed = tuple(_line(override) for override in last.values() if not override.is_sweep_override())
        space = cls(ranges, fixed, _seeds(seed))
        compose_all([[*fixed, *ends] for ends in _ends(ranges)])
        return space


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _seeds(override: Override | None) -> tuple[str, ...]:
    if override is None:
        return ("0",)
    if not override.is_sweep_override():
        return (override.get_value_element_as_str(),)
    if not override.is_discrete_sweep():
        raise UserError(f"{override.input_line}: seeds are a list, such as seed=0,1,2")
    return tuple(override.sweep_string_iterator())


def _ends(ranges: Mapping[str, Override]) -> list[list[str]]:
    """Each value that is an end of a range or a choice, the others at their first."""
    values = {key: _end_values(override) for key, override in ranges.items()}
    first = {key: ends[0] for key, ends in values.items()}
    points = [{**first, key: end} for key, ends in values.items() for end in ends]
    return [[f"{key}={value}" for key, value in point.items()] for point in points]


def interval_ends(interval: IntervalSweep) -> tuple[float, float]:
    """Its ends; integers where it is of integers, as `int(interval(1,9))` and `tag(int,interval(1,9))` are."""
    assert interval.start is not None
    assert interval.end is not None
    ends = (interval.start, interval.end)
    is_integer = "int" in interval.tags or all(isinstance(end, int) for end in ends)
    low, high = (int(end) if is_integer else float(end) for end in ends)
    return low, high


def _end_values(override: Override) -> list[str]:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return [str(end) for end in interval_ends(value)]
    return list(override.sweep_string_iterator())


@dataclass(frozen=True)
class Trial:
    """One point of the search: its mean validation error in percent over the seeds, None where a run failed."""

    point: tuple[str, ...]
    run_ids: tuple[str, ...]
    error: float | None

    def line(self) -> str:
        told = "failed" if self.error is None else f"validation error {self.error:.2f}%"
        return f"{' '.join(self.point)}: {told}"


@dataclass
class Trials:
    """Runs the points that a search asks for.

    Args:
        space: of the search.
        total: number of trials it will ask for.
        launch, workers: as in `run_sweep`.
    """

    space: SearchSpace
    total: int
    launch: Launch | None
    workers: int = 1
    done: list[Trial] = field(default_factory=list)

    def run(self, points: Sequence[Sequence[str]]) -> list[Trial]:
        """The trials of these points (overrides of the searched keys); those that ran before are found, not repeated.

        Raises:
            UserError: a point is no valid config.
            SweepStoppedError: a signal asked this process to stop.
        """
        first = len(self.done) + 1
        title = f"trial {first}" if len(points) == 1 else f"trials {first} to {first + len(points) - 1}"
        jobs = [[*self.space.fixed, *point, f"seed={seed}"] for point in points for seed in self.space.seeds]
        with suppress(SweepFailedError):  # the failed runs have been named; the search goes on without them
            run_sweep(f"{title} of {self.total}", jobs, self.launch, workers=self.workers)
        trials = [self._trial(point) for point in points]
        for trial in trials:
            self.done.append(trial)
            say(f"trial {len(self.done)} of {self.total}: {trial.line()}")
        return trials

    def _trial(self, point: Sequence[str]) -> Trial:
        ids, errors = [], []
        for settings in compose_all([[*self.space.fixed, *point, f"seed={seed}"] for seed in self.space.seeds]):
            request = Request.of(settings)
            outcome = request.known()
            ids.append(request.folder.id)
            if outcome is not None and outcome.record is not None:
                errors.append(float(outcome.record["metrics"][OBJECTIVE]))
        return Trial(tuple(point), tuple(ids), fmean(errors) if len(errors) == len(ids) else None)

    def best(self) -> Trial:
        """The trial with the lowest validation error, the first of equals.

        Raises:
            SweepFailedError: every trial failed.
        """
        finished = [trial for trial in self.done if trial.error is not None]
        if not finished:
            raise SweepFailedError(f"search: none of {len(self.done)} trials finished")
        return min(finished, key=lambda trial: trial.error or 0.0)

    def summary(self) -> str:
        """What was found, with the ids of its runs."""
        best = self.best()
        failed = sum(trial.error is None for trial in self.done)
        told = f" ({failed} failed)" if failed else ""
        runs = f"run {best.run_ids[0]}" if len(best.run_ids) == 1 else f"mean of runs {', '.join(best.run_ids)}"
        return f"search: best of {len(self.done)} trials{told}: {best.line()}, {runs}"
