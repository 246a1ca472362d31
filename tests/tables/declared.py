"""The tables of this project, without those that somebody has put beside them."""

import functools
import subprocess

from mixupe.places import CONFIGS


@functools.cache
def project_tables() -> tuple[str, ...]:
    """Names of the files of configs/table that git tracks; of a copy without git, of all."""
    folder = CONFIGS / "table"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    listed = subprocess.run(["git", "ls-files", "."], cwd=folder, capture_output=True, text=True, check=False)
    tracked = {line.removesuffix(".yaml") for line in listed.stdout.splitlines()}
    return tuple(name for name in names if not tracked or name in tracked)
