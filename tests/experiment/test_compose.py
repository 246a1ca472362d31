"""Composing settings: the fast way gives what Hydra gives, and grids are spelled out."""

import pytest
from hydra import compose
from omegaconf import OmegaConf

from mixupe.errors import UserError
from mixupe.experiment.compose import (
    CONFIG_NAME,
    _chosen,
    compose_settings,
    expand_grid,
    hydra_initialised,
    settings_of,
    with_recipe,
)
from mixupe.places import CONFIGS


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["dataset=tabular/wine", "augmentation=mixupe", "augmentation.eta=0.01", "seed=3"],
        ["dataset=digits", "model.width=8", "augmentation=manifold_mixup", "augmentation.mix_at=[input,layer2]"],
        [
            "augmentation.alpha=2",
            "augmentation=mixup",
            "optimizer.lr=0.5",
            "scheduler=step",
            "scheduler.milestones=[0.5]",
        ],
        ["dataset=mutag", "augmentation=mixup", "trainer=images", "optimizer=adamw", "model=gin"],
        ["dataset=csv", "dataset.path='a b.csv'", "dataset.target=y", "logger.entity=null"],
        ["dataset=csv", "dataset.path=x.csv", "dataset.target=y", "output_root=/tmp/out", "data.root=d"],
    ],
)
def test_settings_are_those_of_hydras_own_composition(overrides: list[str]) -> None:
    with hydra_initialised():
        expected = settings_of(compose(CONFIG_NAME, overrides=with_recipe(overrides)))
        assert compose_settings(overrides) == expected
        assert compose_settings(overrides) == expected, "composing leaves no trace"


@pytest.mark.parametrize("group", ["dataset", "model", "augmentation", "optimizer", "scheduler", "trainer", "logger"])
def test_a_choice_is_its_file(group: str) -> None:
    names = sorted(path.relative_to(CONFIGS / group).with_suffix("") for path in (CONFIGS / group).rglob("*.yaml"))
    with hydra_initialised():
        for name in (names[0], names[-1]):
            composed = OmegaConf.to_container(compose(CONFIG_NAME, overrides=[f"{group}={name}"]))
            assert _chosen((f"{group}={name}",), ()) == composed


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augmentation.etta=1", r"augmentation.etta: unknown key \(given: 1\), allowed are .*augmentation.eta"),
        ("augmentation.etta=1", "; perhaps 'eta' is meant$"),
        ("augmentation.xyz=1", "augmentation.variant[^;]*$"),
        ("model=preactresnet81", "; perhaps 'preactresnet18' is meant$"),
        ("model=nothing", "model: 'nothing' is unknown, allowed are .*preactresnet18"),
        ("augmentation.eta=1,2", "augmentation.eta"),
    ],
)
def test_what_does_not_fit_is_said_as_hydra_says_it(override: str, says: str) -> None:
    with hydra_initialised(), pytest.raises(UserError, match=says):
        compose_settings([override])


def test_a_grid_is_spelled_out_with_the_last_key_fastest() -> None:
    assert expand_grid(["a=1,2", "b=x", "c=3,4"]) == [
        ["a=1", "b=x", "c=3"],
        ["a=1", "b=x", "c=4"],
        ["a=2", "b=x", "c=3"],
        ["a=2", "b=x", "c=4"],
    ]
    assert expand_grid([]) == [[]]


def test_a_continuous_range_is_no_grid() -> None:
    with pytest.raises(UserError, match=r"a=interval\(0,1\): .*hydra/sweeper=optuna"):
        expand_grid(["a=interval(0,1)"])
