"""A job carries the whole settings of its runs to wherever a launcher runs it."""

from pathlib import Path

import pytest
from hydra import compose

from mixupe.experiment.chunks import KEY, as_job, runs_of
from mixupe.experiment.compose import CONFIG_NAME, compose_all, hydra_initialised
from mixupe.experiment.identity import run_id


@pytest.mark.parametrize(
    "overrides",
    [
        ["dataset=tabular/wine", "augmentation=mixupe"],
        ["dataset=digits", "augmentation=manifold_mixup", "scheduler=step", "trainer.ema=0.9"],
        ["dataset=csv", "dataset.path='my file, 1.csv'", "dataset.target=y"],
    ],
)
def test_settings_arrive_as_they_were(overrides: list[str], tmp_path: Path) -> None:
    root = tmp_path / "out put"
    with hydra_initialised():
        sent = compose_all([[*overrides, f"output_root='{root}'", f"seed={seed}"] for seed in (0, 1)])
        # As a launcher does it, whatever the config files say by then.
        config = compose(CONFIG_NAME, overrides=as_job(sent))
    assert config.output_root == str(root)
    arrived = runs_of(config[KEY])
    assert [one.model_dump() for one in arrived] == [one.model_dump() for one in sent]
    if "csv" not in overrides[0]:  # whose file is not there
        assert [run_id(one) for one in arrived] == [run_id(one) for one in sent]
