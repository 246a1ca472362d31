"""Published figures beside a table's own: configs/paper/<table>.yaml, each with its source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from mixupe.errors import UserError, wrong_key
from mixupe.settings import NonNegativeFloat, PositiveInt, Settings

if TYPE_CHECKING:
    import pandas as pd

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ROW = ("dataset", "model", "augmentation")


class Figure(Settings):
    """One published figure.

    Attributes:
        dataset, model, augmentation: of the row it belongs to, as in table.csv.
        kind: `error`, or `difference` for a claimed difference to another method, which is no error itself.
        against: the method a difference is to; belongs to `difference` alone.
        unit: of `value`. error: percent (points). accuracy: percent (points), shown as 100 - value, a difference as
            -value.
        value: as published.
        std: the standard deviation as published; None where none is.
        std_unit: points, or fraction where it is published as such beside percentages (0.06 for 6 points).
        n: repetitions behind value and std; None where the source does not say.
        source: citation.
        place: page, section or table in it.
    """

    dataset: Text
    model: Text
    augmentation: Text
    kind: Literal["error", "difference"] = "error"
    against: Text | None = None
    unit: Literal["error", "accuracy"] = "error"
    value: Annotated[float, Field(allow_inf_nan=False)]
    std: NonNegativeFloat | None = None
    std_unit: Literal["points", "fraction"] = "points"
    n: PositiveInt | None = None
    source: Text
    place: Text

    @model_validator(mode="after")
    def _check(self) -> Figure:
        if (self.kind == "difference") != (self.against is not None):
            raise ValueError("`against` belongs to kind=difference, and to it alone")
        if self.kind == "error" and not 0 <= self.value <= 100:
            raise ValueError(f"value: must be a percentage between 0 and 100, got {self.value}")
        return self

    @property
    def row(self) -> tuple[str, ...]:
        """The row it belongs to: data set, model, augmentation."""
        return self.dataset, self.model, self.augmentation

    @property
    def error(self) -> float:
        """The error in percent, or the difference in points of error."""
        if self.kind == "difference":
            return -self.value if self.unit == "accuracy" else self.value
        return 100 - self.value if self.unit == "accuracy" else self.value

    @property
    def spread(self) -> float:
        """The standard deviation in percentage points; NaN where none is published."""
        return math.nan if self.std is None else self.std * (100 if self.std_unit == "fraction" else 1)

    @property
    def text(self) -> str:
        """As shown: the error in percent, or `-0.8 vs mixup` in points of error, which nobody takes for an error."""
        if self.kind == "difference":
            return f"{self.error:+g} vs {self.against}"
        return f"{self.error:.6g}{'' if self.std is None else f' ± {self.spread:g}'}"

    @property
    def reference(self) -> str:
        return f"{self.source}, {self.place}"


def read_figures(folder: Path, table: str) -> list[Figure]:
    """The figures of `folder`/<table>.yaml; none where there is no such file.

    Raises:
        UserError: an entry is wrong or lacks its source; names file and key.
    """
    path = folder / f"{table}.yaml"
    if not path.exists():
        return []
    content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, list):
        raise UserError(f"{path.name} in configs/paper: must be a list of figures, each with dataset, model, ...")
    figures = [_parse(values, f"configs/paper/{path.name}, figure {at + 1}") for at, values in enumerate(content)]
    for at, figure in enumerate(figures):
        if figure.row in (other.row for other in figures[:at]):
            raise UserError(f"configs/paper/{path.name}, figure {at + 1}: a second one for {' '.join(figure.row)}")
    return figures


def _parse(values: Any, where: str) -> Figure:
    try:
        return Figure.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {wrong_key(error)}") from error


def check_figures(figures: Iterable[Figure], declared: Iterable[Mapping[str, str]], table: str) -> None:
    """Every figure has its row, and the method it is compared with is there too.

    Args:
        figures: of the table.
        declared: names of the table's rows.
        table: its name.

    Raises:
        UserError: names the figure and the rows there are.
    """
    rows = dict.fromkeys(tuple(names[key] for key in ROW) for names in declared)
    for figure in figures:
        other = (figure.dataset, figure.model, figure.against)
        for wanted in (figure.row, other if figure.against is not None else figure.row):
            if wanted not in rows:
                raise UserError(
                    f"configs/paper/{table}.yaml: the table has no row {' '.join(map(str, wanted))}; it has"
                    f" {', '.join(' '.join(row) for row in rows)}"
                )


def with_figures(frame: pd.DataFrame, figures: Sequence[Figure]) -> pd.DataFrame:
    """The rows with `paper` and `paper_source` filled where there is a figure (str), else NaN."""
    by_row = {figure.row: figure for figure in figures}
    found = [by_row.get(tuple(row)) for row in frame[list(ROW)].itertuples(index=False)]
    return frame.assign(
        paper=[math.nan if figure is None else figure.text for figure in found],
        paper_source=[math.nan if figure is None else figure.reference for figure in found],
    )


# More figures than this of one place in a source are a table of their own and stand in one line.
FEW = 3


def paper_lines(frame: pd.DataFrame) -> list[str]:
    """Each published figure with its source; where a place has more than FEW, they stand in the table alone."""
    lines = []
    for reference, rows in frame[frame["paper"].notna()].groupby("paper_source", sort=False):
        if len(rows) > FEW:
            lines.append(f"Published, test error in percent ± standard deviation: {reference} ({len(rows)} figures).")
            continue
        lines += [
            f"Published for {row['dataset']} {row['model']} {row['augmentation']}: {row['paper']}"
            f" ({'points of test error' if ' vs ' in row['paper'] else 'test error in percent'}); {reference}."
            for _, row in rows.iterrows()
        ]
    return lines
