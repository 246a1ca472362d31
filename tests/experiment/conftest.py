"""Short real runs in a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.settings import RunSettings

Compose = Callable[..., RunSettings]


@pytest.fixture
def compose(tmp_path: Path) -> Iterator[Compose]:
    """Settings of a three-epoch run on iris below tmp_path, changed by further overrides."""

    def settings(*overrides: str) -> RunSettings:
        base = [
            "dataset=tabular/wine",
            "trainer.epochs=3",
            "trainer.device=cpu",
            "logger=none",
            f"output_root={tmp_path}",
        ]
        chosen = {override.split("=")[0] for override in overrides}
        return compose_settings([*(override for override in base if override.split("=")[0] not in chosen), *overrides])

    with hydra_initialised():
        yield settings
