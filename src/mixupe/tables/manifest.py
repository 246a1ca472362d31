"""A table as a declared list of runs: configs/table/<name>.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hydra.errors import HydraException
from pydantic import Field, ValidationError

from mixupe.experiment.compose import expand_grid, one_line
from mixupe.settings import NonNegativeInt, Settings, UserError


class Cell(Settings):
    """One row group of a table: a data set with its settings, run with every augmentation and seed.

    Attributes:
        dataset: option of the config group `dataset`.
        label: tells this cell from others of the same data set and model.
        overrides: further command-line overrides of these runs.
        seeds: where they differ from the table's (a cross-validation has as many as folds).
    """

    dataset: str
    label: str = ""
    overrides: tuple[str, ...] = ()
    seeds: tuple[NonNegativeInt, ...] | None = Field(default=None, min_length=1)


@dataclass(frozen=True)
class Method:
    """One column of a table.

    Attributes:
        name: as shown; unique in the table.
        option: of the config group `augmentation`.
        overrides: of its runs, the choice of the option among them.
    """

    name: str
    option: str
    overrides: tuple[str, ...]


class Table(Settings):
    """Attributes:
    name: of the config file and of the folder below results/.
    title: one line for people.
    metric: test_error for a comparison of methods; validation_error for a search, which never looks at the test split
        and picks each method's best setting.
    seeds: each run is repeated with these.
    augmentations: option of the config group `augmentation` -> overrides of its runs, in the table's order. Hydra's grid
        syntax (`augmentation.eta=0.01,0.1`) makes one method of each point.
    cells: in the table's order.
    tuned_on: the search whose choices its augmentations have. Data sets of that search do not count in the verdict, and no
        seed of it is used again.
    """

    name: str
    title: str
    metric: Literal["test_error", "validation_error"] = "test_error"
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    augmentations: dict[str, tuple[str, ...]]
    cells: tuple[Cell, ...] = Field(min_length=1)
    tuned_on: str | None = None

    @classmethod
    def parse(cls, values: Any) -> "Table":
        """Checked content of a table config.

        Raises:
            UserError: names the key, the value and what is allowed.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(["table", *map(str, first["loc"])])
            raise UserError(f"{key}: {first['msg'].lower()}, got {first['input']!r}") from error

    @property
    def is_search(self) -> bool:
        return self.metric == "validation_error"

    def methods(self) -> list[Method]:
        """The table's methods in order, each point of a grid one, named `mixupe eta=0.01`.

        Raises:
            UserError: an override is no grid; names its option.
        """
        return [
            Method(_name(option, point, points), option, (f"augmentation={option}", *point))
            for option, overrides in self.augmentations.items()
            for points in [_points(option, overrides)]
            for point in points
        ]

    def override_lists(self, extra: Sequence[str] = ()) -> list[list[str]]:
        """Command-line overrides of every run, seeds innermost; `extra` are the user's own and win."""
        return [
            overrides
            for cell in self.cells
            for method in self.methods()
            for overrides in self.seed_lists(cell, method, extra)
        ]

    def seed_lists(self, cell: Cell, method: Method, extra: Sequence[str] = ()) -> list[list[str]]:
        """The part of `override_lists` that belongs to one cell and method: one list a seed."""
        common = [*(one for one in extra if not one.startswith("seed=")), f"logger.job_type={self.name}"]
        seeds = [value for one in extra if one.startswith("seed=") for value in one.removeprefix("seed=").split(",")]
        return [
            [f"dataset={cell.dataset}", *cell.overrides, *method.overrides, *common, f"seed={seed}"]
            for seed in (seeds or cell.seeds or self.seeds)
        ]


def _points(option: str, overrides: Sequence[str]) -> list[list[str]]:
    try:
        return expand_grid(overrides)
    except (UserError, HydraException) as error:
        raise UserError(f"table.augmentations.{option}: {one_line(error)}") from error


def _name(option: str, point: Sequence[str], points: Sequence[Sequence[str]]) -> str:
    """The option, followed by what tells this point of its grid from the others."""
    varying = [one.partition("=") for one in point if any(one not in other for other in points)]
    return " ".join([option, *(f"{key.rpartition('.')[2]}={value}" for key, _, value in varying)])
