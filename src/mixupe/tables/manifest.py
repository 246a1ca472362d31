"""A table as a declared list of runs: configs/table/<name>.yaml."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, ValidationError

from mixupe.settings import NonNegativeInt, Settings, UserError


class Cell(Settings):
    """One row group of a table: a data set with its settings, run with every augmentation and seed.

    Attributes:
        dataset: option of the config group `dataset`.
        overrides: further command-line overrides of these runs.
        seeds: where they differ from the table's (a cross-validation has as many as folds).
    """

    dataset: str
    overrides: tuple[str, ...] = ()
    seeds: tuple[NonNegativeInt, ...] | None = Field(default=None, min_length=1)


class Table(Settings):
    """Attributes:
    name: of the config file and of the folder below results/.
    title: one line for people.
    seeds: each run is repeated with these.
    augmentations: option of the config group `augmentation` -> overrides of its runs, in the table's order.
    cells: in the table's order.
    """

    name: str
    title: str
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    augmentations: dict[str, tuple[str, ...]]
    cells: tuple[Cell, ...] = Field(min_length=1)

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

    def override_lists(self, extra: Sequence[str] = ()) -> list[list[str]]:
        """Command-line overrides of every run, seeds innermost; `extra` are the user's own and win."""
        return [overrides for cell in self.cells for overrides in self.cell_override_lists(cell, extra)]

    def cell_override_lists(self, cell: Cell, extra: Sequence[str] = ()) -> list[list[str]]:
        """The part of `override_lists` that belongs to one cell."""
        common = [*(one for one in extra if not one.startswith("seed=")), f"logger.job_type={self.name}"]
        seeds = [value for one in extra if one.startswith("seed=") for value in one.removeprefix("seed=").split(",")]
        return [
            [f"dataset={cell.dataset}", *cell.overrides, f"augmentation={name}", *settings, *common, f"seed={seed}"]
            for name, settings in self.augmentations.items()
            for seed in (seeds or cell.seeds or self.seeds)
        ]
