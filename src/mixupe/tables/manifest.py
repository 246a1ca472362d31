"""A table as a declared list of runs: configs/table/<name>.yaml."""

import functools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from hydra.errors import HydraException
from pydantic import Field, ValidationError, model_validator

from mixupe.errors import UserError, one_line, wrong_key
from mixupe.experiment.compose import expand_grid
from mixupe.settings import NonNegativeInt, PositiveFloat, Settings


class Select(Settings):
    """A table that chooses its methods' settings itself; what is chosen has the method's own name in the shown table.

    Attributes:
        grid: method -> overrides in Hydra's grid syntax, beside those the table gives it; the others have nothing to choose.
        by: validation: the lowest mean validation error. test: epoch and setting with the lowest mean test error over the
            seeds, as some papers do; needs protocol=paper, and everything shown is marked.
        per: one setting for all seeds of a cell, or one a seed. Where the seeds are folds, the latter with `validation` is
            nested validation: no fold's test part has a say in its own error.
    """

    grid: dict[str, tuple[str, ...]]
    by: Literal["validation", "test"]
    per: Literal["cell", "seed"] = "cell"

    @model_validator(mode="after")
    def _check(self) -> "Select":
        if self.by == "test" and self.per == "seed":
            raise ValueError("per: seed cannot be used with by: test, which takes the mean over the seeds")
        return self

    def check_protocols(self, protocols: Iterable[str]) -> None:
        """Of the runs that are chosen from.

        Raises:
            UserError: one is not the one that `by` needs.
        """
        wanted = "paper" if self.by == "test" else "heldout"
        if any(protocol != wanted for protocol in protocols):
            raise UserError(
                f"table.select.by: {self.by} needs protocol={wanted}; with protocol=paper what is validated is the test part"
            )


class OverSets(Settings):
    """A verdict over the data sets of a table, per domain and over all.

    Attributes:
        methods: columns of the table that are asked about.
        baselines: columns that each of them is compared with.
        rivals: of these columns, the one with the best mean rank in a domain is a further baseline there. It is chosen on
            the errors that it is compared by, which favours it.
        rope: differences of at most so many percentage points are none for practice.
    """

    methods: tuple[str, ...] = Field(min_length=1)
    baselines: tuple[str, ...] = ("mixup", "none")
    rivals: tuple[str, ...] = ()
    rope: PositiveFloat = 0.5


class Cell(Settings):
    """One row group of a table: a data set with its settings, run with every augmentation and seed.

    Attributes:
        dataset: option of the config group `dataset`.
        label: tells this cell from others of the same data set and model.
        overrides: further command-line overrides of these runs.
        seeds: where they differ from the table's (a cross-validation has as many as folds).
        augmentations: method -> overrides of its runs in this cell, in place of the table's of the same keys: a value of
            its own, or a smaller grid on a costly set.
        methods: those of the table's that run in this cell; None is all of them.
    """

    dataset: str
    label: str = ""
    overrides: tuple[str, ...] = ()
    seeds: tuple[NonNegativeInt, ...] | None = Field(default=None, min_length=1)
    augmentations: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    methods: tuple[str, ...] | None = Field(default=None, min_length=1)


@dataclass(frozen=True)
class Method:
    """What a table runs in a cell.

    Attributes:
        name: unique in the table.
        option: of the config group `augmentation`.
        overrides: of its runs, the choice of the option among them.
        column: of the shown table: the name, but where the table selects, all points of a method's grid have its.
        setting: the point of that grid, such as `alpha=1 eta=0.01`; empty where there is nothing to choose.
    """

    name: str
    option: str
    overrides: tuple[str, ...]
    column: str
    setting: str = ""


class Table(Settings):
    """A file of configs/table: which runs are compared, and how.

    Attributes:
        name: of the config file and of the folder below results/.
        title: one line for people.
        metric: test_error for a comparison of methods; validation_error for a search, which never looks at the test
            split and picks each method's best setting.
        seeds: each run is repeated with these.
        augmentations: option of the config group `augmentation` -> overrides of its runs, in the table's order. Any
            other name stands for the option that its overrides choose (`augmentation=mixup`). Hydra's grid syntax
            (`augmentation.eta=0.01,0.1`) makes one method of each point.
        cells: in the table's order.
        tuned_on: the search whose choices its augmentations have. Data sets of that search do not count in the verdict,
            and no seed of it is used again.
        select: where each method runs a grid of which the best is shown.
        nested: a table of the same cells and methods, chosen by nested validation, whose errors stand beside those that
            this one selects on test.
        measures: label -> name in the records' metrics: the same runs in a row for each, in place of the error alone.
        waterfall: name -> methods, each a step of what lies between the first and the last.
        over_sets: where the table gives a verdict over its data sets.
        packed: whether the records kept beside the table are one file, and without learning curves; for tens of
            thousands.
    """

    name: str
    title: str
    metric: Literal["test_error", "validation_error"] = "test_error"
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    augmentations: dict[str, tuple[str, ...]]
    cells: tuple[Cell, ...] = Field(min_length=1)
    tuned_on: str | None = None
    select: Select | None = None
    nested: str | None = None
    measures: dict[str, str] = Field(default_factory=dict)
    waterfall: dict[str, Annotated[tuple[str, ...], Field(min_length=2)]] = Field(default_factory=dict)
    packed: bool = False
    over_sets: OverSets | None = None

    @model_validator(mode="after")
    def _check(self) -> "Table":
        groups: dict[str, Collection[str]] = {}
        for i, cell in enumerate(self.cells):
            groups[f"cells.{i}.augmentations"] = cell.augmentations
            groups[f"cells.{i}.methods"] = cell.methods or ()
        if self.select is not None:
            groups["select.grid"] = self.select.grid
        for key, of_methods in groups.items():
            unknown = sorted(set(of_methods) - set(self.augmentations))
            if unknown:
                raise ValueError(f"{key}: {unknown[0]!r} is no method, allowed are {', '.join(self.augmentations)}")
        if self.nested is not None and (self.select is None or self.select.by != "test"):
            raise ValueError("nested: belongs to a table with select.by: test")
        columns = {method.column for method in self.methods()} if self.waterfall or self.over_sets else set()
        if self.over_sets is not None:
            for key, named in self.over_sets.model_dump(exclude={"rope"}).items():
                unknown = sorted(set(named) - columns)
                if unknown:
                    allowed = ", ".join(sorted(columns))
                    raise ValueError(f"over_sets.{key}: {unknown[0]!r} is no method, allowed are {allowed}")
            if self.is_search or self.measures:
                raise ValueError("over_sets: belongs to a table of test errors without measures")
        for name, steps in self.waterfall.items():
            unknown = sorted(set(steps) - columns)
            if unknown:
                raise ValueError(
                    f"waterfall.{name}: {unknown[0]!r} is no method, allowed are {', '.join(sorted(columns))}"
                )
        return self

    @classmethod
    def parse(cls, values: Any) -> "Table":
        """Checked content of a table config.

        Raises:
            UserError: names the key, the value and what is allowed.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(wrong_key(error, "table")) from error

    @property
    def is_search(self) -> bool:
        return self.metric == "validation_error"

    def methods(self, cell: Cell | None = None) -> list[Method]:
        """The methods of a cell, of any without overrides of its own for None, in order; each point of a grid is one.

        Raises:
            UserError: an override is no grid; names its option.
        """
        grid = {} if self.select is None else self.select.grid
        own = {} if cell is None else cell.augmentations
        found = []
        for column, overrides in self.augmentations.items():
            if cell is not None and cell.methods is not None and column not in cell.methods:
                continue
            here = own.get(column, ())
            if column in grid:
                found += _chosen_from(column, overrides, [*_without(grid[column], here), *here])
            else:
                found += _columns(column, [*_without(overrides, here), *here])
        return found

    def methods_by_cell(self) -> Iterator[tuple[Cell, list[Method]]]:
        """Each cell with its methods."""
        usual = self.methods()  # spelled out once: a large table has thousands of cells
        for cell in self.cells:
            yield cell, self.methods(cell) if cell.augmentations or cell.methods else usual

    def override_lists(self, extra: Sequence[str] = ()) -> list[list[str]]:
        """Command-line overrides of every run, seeds innermost; `extra` are the user's own and win."""
        return [
            overrides
            for cell, methods in self.methods_by_cell()
            for method in methods
            for overrides in self.seed_lists(cell, method, extra)
        ]

    def seed_lists(self, cell: Cell, method: Method, extra: Sequence[str] = ()) -> list[list[str]]:
        """The part of `override_lists` that belongs to one cell and method: one list a seed."""
        common = [*(override for override in extra if not override.startswith("seed=")), f"logger.job_type={self.name}"]
        own = [override for override in extra if override.startswith("seed=")]
        seeds = [seed for override in own for seed in _seeds(override)]
        return [
            [f"dataset={cell.dataset}", *cell.overrides, *method.overrides, *common, f"seed={seed}"]
            for seed in dict.fromkeys(seeds or cell.seeds or self.seeds)
        ]


@functools.cache
def _seeds(override: str) -> list[str]:
    """`3`, `4` of seed=3,4 or seed=range(3,5)."""
    return [point[0].removeprefix("seed=") for point in expand_grid([override])]


def _columns(name: str, overrides: Sequence[str]) -> list[Method]:
    """Each point of the overrides' grid as a column of its own."""
    points = _points(name, overrides)
    named = [_name(name, point, points) for point in points]
    return [Method(title, *_run_by(name, point), column=title) for title, point in zip(named, points, strict=True)]


def _chosen_from(name: str, overrides: Sequence[str], grid: Sequence[str]) -> list[Method]:
    """Each point of the grid as a setting that one column may show."""
    found = []
    for point in _points(name, [*overrides, *grid]):
        keys = {override.partition("=")[0] for override in grid}
        setting = _setting([override for override in point if override.partition("=")[0] in keys])
        found.append(Method(f"{name} {setting}", *_run_by(name, point), column=name, setting=setting))
    return found


def _without(overrides: Sequence[str], others: Sequence[str]) -> list[str]:
    """Those overrides whose keys the others do not have."""
    keys = {override.partition("=")[0] for override in others}
    return [override for override in overrides if override.partition("=")[0] not in keys]


def _run_by(name: str, point: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The option of a method, and the overrides of its runs."""
    chosen = [override for override in point if override.startswith("augmentation=")]
    option = chosen[-1].partition("=")[2] if chosen else name
    return option, (f"augmentation={option}", *(override for override in point if override not in chosen))


def _points(option: str, overrides: Sequence[str]) -> list[list[str]]:
    try:
        return [list(point) for point in dict.fromkeys(map(tuple, expand_grid(overrides)))]
    except (UserError, HydraException) as error:
        raise UserError(f"table.augmentations.{option}: {one_line(error)}") from error


def _name(name: str, point: Sequence[str], points: Sequence[Sequence[str]]) -> str:
    """The method, followed by what tells this point of its grid from the others."""
    varying = [override for override in point if any(override not in other for other in points)]
    return " ".join(filter(None, [name, _setting(varying)]))


def _setting(overrides: Sequence[str]) -> str:
    """`alpha=1 eta=0.01` of augmentation.alpha=1, augmentation.eta=0.01."""
    parts = [override.partition("=") for override in overrides]
    return " ".join(f"{key.rpartition('.')[2]}={value}" for key, _, value in parts)
