"""A run of a sweep is called by what tells it from the others."""

import pytest

from mixupe.experiment.titles import summary_texts, title_of, titles_of
from tests.experiment.conftest import Compose


@pytest.mark.parametrize(
    ("runs", "titles"),
    [
        ([["augmentation=mixup"]], ["wine mlp mixup seed 0 00000000"]),
        (
            [["augmentation.alpha=0.5", "seed=0"], ["augmentation.alpha=1.0", "seed=1"]],
            ["alpha=0.5 seed=0 00000000", "alpha=1.0 seed=1 11111111"],
        ),
        (
            [["augmentation=none"], ["augmentation.eta=0.01"], ["augmentation.eta=0.1"]],
            ["none 00000000", "mixupe eta=0.01 11111111", "mixupe eta=0.1 22222222"],
        ),
        (
            [["dataset=tabular/iris", "seed=1"], ["dataset=tabular/wine", "seed=2"]],
            ["iris seed=1 00000000", "wine seed=2 11111111"],
        ),
        (
            [["optimizer=sgd", "optimizer.lr=0.1"], ["optimizer.lr=0.2", "scheduler=step"]],
            ["optimizer=sgd lr=0.1", "optimizer=adamw lr=0.2"],
        ),
    ],
)
def test_titles(compose: Compose, runs: list[list[str]], titles: list[str]) -> None:
    settings = [compose(*overrides) for overrides in runs]
    found = titles_of(settings, [str(number) * 16 for number in range(len(runs))])
    for title, expected in zip(found, titles, strict=True):
        assert title.startswith(expected)
    assert title_of(settings[0]).endswith(f" seed {settings[0].seed}")


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    named = {"dataset.name": "my", "model.name": "mlp", "augmentation.name": "none"}
    runs = [{**named, "dataset.path": path, "seed": seed} for path in ("a/my.csv", "b/my.csv") for seed in (0, 1)]
    assert summary_texts(runs).each == tuple(f"seed={run['seed']} path={run['dataset.path']}" for run in runs)
    alone = [{**run, "seed": number} for number, run in enumerate(runs)]
    assert summary_texts(alone).each == ("seed=0", "seed=1", "seed=2", "seed=3")
