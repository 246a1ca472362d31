"""Every complaint is one line that names the key, the value and what is allowed."""

from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import compose_all, with_recipe
from mixupe.experiment.identity import run_id
from tests.experiment.conftest import Compose


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augmentation.etaa=1", r"augmentation.etaa: unknown key \(given: 1\), allowed are .*augmentation.eta\b"),
        (
            "augmentation=mixpue",
            r"augmentation: 'mixpue' is unknown, allowed are .*mixup, mixup_smoothing, mixupe, .*none",
        ),
        ("augmentation.alpha=-1", r"augmentation.alpha: must be a finite number > 0, got -1"),
        (
            "augmentation.variant=v9",
            r"augmentation.variant: must be one of approximate, exact, v1, v2, v3, v4, got 'v9'",
        ),
        ("trainer.epochs=ten", r"trainer.epochs: input should be a valid integer, got 'ten'"),
        ("trainer.epochs=1.5", r"trainer.epochs: .*integer, got 1.5"),
        ("trainer.epochs=0", r"trainer.epochs: input should be greater than 0, got 0"),
        ("trainer.batch_size=1", r"trainer.batch_size: .*greater than or equal to 2, got 1"),
        ("trainer.accumulate=17", r"trainer.accumulate: must be at most 16 with batch_size 32, .*, got 17"),
        ("trainer.ema=1", r"trainer.ema: .*less than 1, got 1"),
        ("augmentation.clean_pass=both", r"augmentation.clean_pass: must be one of separate, joint, got 'both'"),
        ("augmentation.penalty_every=0", r"augmentation.penalty_every: must be an integer >= 1, got 0"),
        ("trainer.device=gpu", r"trainer.device: must be auto, cpu, cuda or a GPU by its number, cuda:0, got 'gpu'"),
        ("optimizer.lr=", r"optimizer.lr: .*number.*got ''"),
        ("seed=-1", r"seed: .*got -1"),
        ("protocol=test", r"protocol: input should be 'heldout' or 'paper', got 'test'"),
        ("foo=1", r"foo: unknown key"),
        ("dataset=nowhere", r"dataset: 'nowhere' is unknown, allowed are .*digits"),
        ("dataset=wine", r"dataset: 'wine' is unknown, .*; perhaps 'tabular/wine' is meant"),
        ("dataset=graphs/mutag", r"dataset: 'graphs/mutag' is unknown, .*; perhaps 'mutag' is meant"),
        ("dataset=tabular/wien", r"dataset/tabular: 'wien' is unknown, .*; perhaps 'wine' is meant"),
        ("trainer=a/b/c", r"trainer: 'a/b/c' is unknown, allowed are .*imagenet"),
        ("dataset.fold=3", r"dataset.fold: unknown key"),
        ("dataset.test_fraction=2", r"dataset.test_fraction: .*less than 1, got 2"),
        ("model=preactresnet18", r"model: preactresnet18 takes images, the data set holds tabular"),
        ("model.hidden=[0]", r"model.hidden.0: .*greater than 0, got 0"),
    ],
)
def test_a_wrong_override_is_one_line(compose: Compose, override: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        compose(override)
    assert "\n" not in str(error.value)


def test_a_users_own_file_gives_its_name_and_content(compose: Compose, tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    path.write_text("size,label\n1,a\n2,b\n")
    arguments = ("dataset=csv", f"dataset.path={path}", "dataset.target=label")
    settings = compose(*arguments)
    assert settings.dataset.name == "flowers"
    before = run_id(settings)
    path.write_text("size,label\n1,a\n3,b\n")
    assert run_id(compose(*arguments)) != before
    with pytest.raises(UserError, match=r"dataset.path: must be given"):
        compose("dataset=csv")


def test_seed_zero_is_a_seed(compose: Compose) -> None:
    assert compose("seed=0").seed == 0


def test_the_domain_chooses_what_is_left_open() -> None:
    assert "model=mlp" in with_recipe(["dataset=tabular/iris"])
    assert "model=preactresnet18" in with_recipe([])
    assert "model=mlp" not in with_recipe(["dataset=tabular/iris", "model=other"])
    assert with_recipe(["dataset=digits,tabular/iris"]) == ["dataset=digits,tabular/iris"]


def test_many_seeds_are_composed_alike(compose: Compose) -> None:
    settings = compose("seed=2")
    base = ["dataset=tabular/wine", "trainer.epochs=3", "trainer.device=cpu", "logger=none"]
    root = f"output_root={settings.output_root}"
    assert compose_all([[*base, root, "seed=1"], [*base, root, "seed=2"]])[1] == settings


def test_mix_at_auto_is_resolved(compose: Compose) -> None:
    assert compose("augmentation=mixup").augmentation.mix_at == "input"
    settings = compose("augmentation=manifold_mixup")
    assert settings.augmentation.mix_at == settings.model.stages
