"""Where a checkout of the project has its configs and its results."""

from pathlib import Path

CONFIGS = Path(__file__).parents[2] / "configs"
# One folder a table; what is in it counts as done.
RESULTS = CONFIGS.parent / "results"
