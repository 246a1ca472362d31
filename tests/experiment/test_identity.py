"""What is and what is not part of a run's identity."""

import pytest

from mixupe.experiment.identity import group_id, identity, run_id, run_ids
from tests.experiment.conftest import Compose


@pytest.mark.parametrize(
    "override",
    [
        "trainer.threads=2",
        "trainer.device=auto",
        "trainer.checkpoint_every=2",
        "logger.job_type=table",
        "data.root=/elsewhere",
        "output_root=/elsewhere",
        "model.stages=[input]",
    ],
)
def test_where_and_how_it_runs_is_no_part(compose: Compose, override: str) -> None:
    assert run_id(compose(override)) == run_id(compose())


@pytest.mark.parametrize(
    "override",
    [
        "dataset=tabular/iris",
        "dataset.version=b",
        "dataset.train_size=50",
        "model.hidden=[64]",
        "augmentation=mixup",
        "augmentation.eta=0.01",
        "augmentation.mix_at=head",
        "optimizer.lr=0.1",
        "optimizer.betas=[0.9,0.99]",
        "scheduler=step",
        "scheduler.floor=0.001",
        "trainer.epochs=4",
        "trainer.batch_size=33",
        "trainer.precision=bf16",
        "trainer.accumulate=2",
        "trainer.ema=0.9",
        "augmentation.clean_pass=joint",
        "augmentation.penalty_every=2",
        "protocol=paper",
        "seed=1",
    ],
)
def test_what_is_computed_is_a_part(compose: Compose, override: str) -> None:
    assert run_id(compose(override)) != run_id(compose())


def test_the_group_is_the_identity_without_the_seed(compose: Compose) -> None:
    assert group_id(compose("seed=1")) == group_id(compose("seed=0"))
    assert group_id(compose("trainer.epochs=4")) != group_id(compose())


def test_what_came_later_changes_nothing_at_its_default(compose: Compose) -> None:
    relevant = identity(compose())
    assert "betas" not in relevant["optimizer"]
    assert "floor" not in relevant["scheduler"]


def test_writing_out_a_default_changes_nothing(compose: Compose) -> None:
    assert run_id(compose("augmentation.mix_at=input")) == run_id(compose("augmentation.mix_at=auto"))


def test_ids_of_several_seeds_are_those_of_each(compose: Compose) -> None:
    settings = [compose(f"seed={seed}") for seed in (0, 3)]
    assert run_ids(settings) == [run_id(run) for run in settings]
    assert run_ids([]) == []
