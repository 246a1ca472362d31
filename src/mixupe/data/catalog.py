"""The data sets this repository has configs for, read without composing a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mixupe.data.base import DatasetSettings
from mixupe.data.registry import dataset_settings
from mixupe.errors import UserError, one_line, wrong_key


@dataclass(frozen=True)
class Entry:
    """One dataset config.

    Attributes:
        name: as on the command line, for example `tabular/iris`.
        settings: the checked config.
    """

    name: str
    settings: DatasetSettings

    @property
    def is_open(self) -> bool:
        """Whether it stands for data that the user names (a file, an OpenML id), so that there is nothing to fetch."""
        return self.settings.card.examples is None


def read_catalog(folder: Path) -> tuple[list[Entry], list[str]]:
    """Every config below the folder, by name, and one line for each that is broken."""
    entries, problems = [], []
    for path in sorted(folder.rglob("*.yaml")):
        try:
            entries.append(_read_entry(path, folder))
        except UserError as error:
            problems.append(str(error))
    return entries, problems


def _read_entry(path: Path, folder: Path) -> Entry:
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({one_line(error)})") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: holds no keys")
    try:
        settings = dataset_settings(values)
    except ValidationError as error:
        raise UserError(f"{path}: {wrong_key(error)}") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return Entry(path.relative_to(folder).with_suffix("").as_posix(), settings)
