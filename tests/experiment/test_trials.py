"""The trials of a search: ordinary runs, found again, with the mean validation error over the seeds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.store import RunStore
from mixupe.experiment.sweep import SweepFailedError
from mixupe.experiment.trials import SearchSpace, Trials
from mixupe.files import write_json
from mixupe.runs.trials import end_search

BASE = ["dataset=tabular/wine", "augmentation=mixupe", "trainer.epochs=1", "trainer.device=cpu", "logger=none"]
ETA = "augmentation.eta=tag(log,interval(0.0001,1))"


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with hydra_initialised():
        yield


def test_the_command_line_is_taken_apart() -> None:
    space = SearchSpace.parse(
        [
            *BASE,
            "optimizer.lr=0.003",
            "optimizer.lr=interval(0.001,0.01)",
            ETA,
            "augmentation.variant=v3,v4",
            "seed=3,4",
        ]
    )
    written = [override.input_line for override in space.ranges.values()]
    assert written == ["optimizer.lr=interval(0.001,0.01)", ETA, "augmentation.variant=v3,v4"]
    assert list(space.ranges) == ["optimizer.lr", "augmentation.eta", "augmentation.variant"]
    assert space.fixed == tuple(BASE), "what is searched is not held fixed by a recipe"
    assert space.seeds == ("3", "4")
    assert SearchSpace.parse([*BASE, ETA]).seeds == ("0",)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to search; give a range"),
        (["augmentation.alpha=interval(0,4)"], r"augmentation\.alpha: must be a finite number > 0"),
        (["augmentation.alpha=interval(0.1,4)", "augmentation.variant=v3,v9"], r"augmentation\.variant: .*'v9'"),
        (["augmentation.alphaa=interval(0.1,4)"], r"augmentation\.alphaa: unknown key"),
        ([ETA, "dataset=digits,emoji"], "dataset: a search is on one data set"),
        ([ETA, "seed=interval(0,4)"], r"seed=interval\(0,4\): seeds are a list"),
    ],
)
def test_a_wrong_search_is_one_line_before_it_starts(arguments: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        SearchSpace.parse([*BASE, *arguments])
    assert "\n" not in str(caught.value)


def keep(tmp_path: Path, point: str, seed: int, error: float | None) -> str:
    """A run of that point that has ended: with a validation error, or diverged."""
    settings = compose_settings([*BASE, point, f"seed={seed}", f"output_root={tmp_path}"])
    folder = RunStore(tmp_path).folder(run_id(settings))
    folder.path.mkdir(parents=True)
    if error is None:
        folder.set_failed("NonFiniteLossError", "loss is nan at step 3")
    else:
        metrics = {"validation_error": error, "test_error": 0.0}
        write_json(folder.record, {"id": folder.id, "metrics": metrics, "timing": {"seconds": 1.0}})
        folder.set_done()
    return folder.id


def trials(tmp_path: Path) -> Trials:
    space = SearchSpace.parse([*BASE, ETA, "seed=0,1", f"output_root={tmp_path}"])
    return Trials(space, total=3, launch=None)


def test_the_best_trial_has_the_lowest_mean_and_names_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = ["augmentation.eta=0.1", "augmentation.eta=0.2", "augmentation.eta=0.3"]
    ids = {
        (point, seed): keep(tmp_path, point, seed, error)
        for point, errors in zip(points, [(4.0, 8.0), (5.0, 6.0), (1.0, None)], strict=True)
        for seed, error in enumerate(errors)
    }
    search = trials(tmp_path)
    assert [trial.error for trial in search.run([[points[0]], [points[1]]])] == [6.0, 5.5]
    assert [trial.error for trial in search.run([[points[2]]])] == [None], "one of its seeds failed"
    assert search.best().run_ids == (ids[points[1], 0], ids[points[1], 1])
    assert search.summary() == (
        "search: best of 3 trials (1 failed): augmentation.eta=0.2: validation error 5.50%,"
        f" mean of runs {ids[points[1], 0]}, {ids[points[1], 1]}"
    )
    end_search(search, tmp_path)
    captured = capsys.readouterr()
    shown = [line.split() for line in captured.out.splitlines()[-9:]]
    assert ["2", "0.2", "5.50", ids[points[1], 0][:8], ids[points[1], 1][:8]] in shown
    assert [words[2] for words in shown if len(words) == 5 and words[0] in "123"] == ["5.50", "6.00", "failed"]
    assert "trials 1 to 2 of 3: 4 runs, 4 finished before, 0 to do" in captured.out
    assert "trial 3 of 3: augmentation.eta=0.3: failed" in captured.out
    assert "NonFiniteLossError" not in captured.out
    assert "loss is nan at step 3" in captured.err


def test_a_search_without_a_finished_trial_fails(tmp_path: Path) -> None:
    for seed in (0, 1):
        keep(tmp_path, "augmentation.eta=0.1", seed, None)
    search = trials(tmp_path)
    search.run([["augmentation.eta=0.1"]])
    with pytest.raises(SweepFailedError, match="none of 1 trials finished"):
        search.best()
