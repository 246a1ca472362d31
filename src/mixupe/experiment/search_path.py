"""Where configs are looked for besides the project's own: the folders that the user's command line names."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from mixupe.errors import UserError

KEY = "hydra.searchpath"
# As Hydra writes them (file:///home/me/conf, pkg://mine.configs); its plugin of ours adds them wherever it composes.
SEARCH_PATH: list[str] = []


def search_in(folder: str | None, overrides: Sequence[str] = ()) -> list[str]:
    """Look for configs in that folder (`--config-dir`) and where `hydra.searchpath` among the overrides says.

    Returns:
        the other overrides.

    Raises:
        UserError: there is no such folder.
    """
    if folder is not None and not Path(folder).is_dir():
        raise UserError(f"--config-dir: {folder} is not a folder")
    SEARCH_PATH[:] = [] if folder is None else [f"file://{Path(folder).resolve()}"]
    others = []
    for override in overrides:
        if override.startswith(f"{KEY}="):
            SEARCH_PATH.extend(_places(override))
        else:
            others.append(override)
    return others


def own_folders() -> list[Path]:
    """The folders among them."""
    return [Path(place.removeprefix("file://")) for place in SEARCH_PATH if place.startswith("file://")]


def _places(override: str) -> list[str]:
    places = OverridesParser.create().parse_override(override).value()
    if not isinstance(places, list) or not all(isinstance(place, str) and "://" in place for place in places):
        raise UserError(f"{KEY}: must be a list of places, such as [file://conf], got {override.split('=', 1)[1]}")
    for place in places:
        if place.startswith("file://") and not Path(place.removeprefix("file://")).is_dir():
            raise UserError(f"{KEY}: {place} is not a folder")
    # Absolute: a worker may have another working folder.
    return [
        f"file://{Path(place.removeprefix('file://')).resolve()}" if place.startswith("file://") else place
        for place in places
    ]
