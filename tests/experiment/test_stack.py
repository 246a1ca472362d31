"""Stacks in sweeps: records equal those of single runs, each run keeps its own folder, lock, state and logger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from mixupe.augmentation.loss import MixedLoss
from mixupe.augmentation.mixup import Mixup
from mixupe.experiment import chunks, run
from mixupe.experiment.compose import compose_all, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.progress import Quiet
from mixupe.experiment.request import Request
from mixupe.experiment.run import run_all
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.experiment.sweep import run_sweep
from mixupe.training.trainer import Trainer
from tests.experiment.conftest import Compose

Record = dict[str, Any]


def folder_of(settings: RunSettings) -> RunFolder:
    return RunStore(settings.output_root).folder(run_id(settings))


def attempt_runs(settings: Sequence[RunSettings]) -> list[Outcome]:
    return run_all([Request.of(run_settings) for run_settings in settings], Quiet())


def attempt_run(settings: RunSettings) -> Outcome:
    (outcome,) = attempt_runs([settings])
    return outcome


def grid(
    root: Path, *overrides: str, dataset: str = "tabular/iris", seeds: Sequence[int] = (0, 1, 2)
) -> list[list[str]]:
    base = [f"dataset={dataset}", "trainer.epochs=2", "trainer.device=cpu", "logger=none", f"output_root={root}"]
    return [[*base, *overrides, f"seed={seed}"] for seed in seeds]


def sweep(jobs: Sequence[Sequence[str]], **arguments: Any) -> dict[str, Record]:
    """Record of each run by its id; each is there once."""
    with hydra_initialised():
        outcomes = run_sweep("grid", jobs, **arguments)
    assert len({outcome.id for outcome in outcomes}) == len(outcomes) == len(jobs)
    return {outcome.id: outcome.record or {} for outcome in outcomes}


def assert_equal(records: dict[str, Record], expected: dict[str, Record]) -> None:
    """Up to rounding; a test error is a count of examples, equal as long as no logit is at the edge."""
    assert records.keys() == expected.keys()
    for identity, record in expected.items():
        assert records[identity]["metrics"] == pytest.approx(record["metrics"], rel=1e-4, abs=1e-4)
        for name, curve in record["curves"].items():
            assert records[identity]["curves"][name] == pytest.approx(curve, rel=1e-4, abs=1e-4)
        same = record.keys() - {"metrics", "curves", "timing", "config"}
        assert {key: records[identity][key] for key in same} == {key: record[key] for key in same}


@pytest.mark.parametrize("augmentation", ["none", "mixup", "manifold_mixup", "mixupe"])
def test_a_sweep_gives_the_records_of_single_runs(
    tmp_path: Path, augmentation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = {how: grid(tmp_path / how, f"trainer.stack={how}", f"augmentation={augmentation}") for how in ("auto", "1")}
    records = sweep(jobs["auto"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("]")[0].split(",")[0] for line in lines if "test error" in line] == ["[1/3", "[2/3", "[3/3"]
    single = sweep(jobs["1"])
    assert_equal(records, single)
    assert {record["timing"].get("stacked") for record in records.values()} == {3}
    assert {record["timing"].get("stacked") for record in single.values()} == {None}
    with hydra_initialised():
        settings = compose_all(jobs["auto"])
    for run_settings in settings:
        folder = folder_of(run_settings)
        assert folder.state() == "DONE"
        rows = MetricsLog(folder.metrics).rows()
        assert [row["epoch"] for row in rows] == [1, 2]
        seconds = records[folder.id]["timing"]["seconds"]
        assert 0 < rows[0]["seconds"] < rows[1]["seconds"] < seconds
        assert {"config.yaml", "checkpoint.pt", "record.json"} <= {path.name for path in folder.path.iterdir()}
    wall = max(record["timing"]["finished"] for record in records.values()) - min(
        record["timing"]["started"] for record in records.values()
    )
    assert sum(record["timing"]["seconds"] for record in records.values()) <= wall + 0.1, (
        "shares of the time that passed"
    )
    assert sweep(jobs["auto"]) == records, "found, not repeated"


def test_runs_of_one_method_that_differ_in_alpha_and_eta_are_one_stack(tmp_path: Path) -> None:
    def jobs(how: str) -> list[list[str]]:
        points = [("0.5", "0.01"), ("1.0", "0.1"), ("2.0", "0.5")]
        values = [[f"augmentation.alpha={alpha}", f"augmentation.eta={eta}"] for alpha, eta in points]
        return [[*grid(tmp_path / how, f"trainer.stack={how}", seeds=[4])[0], *overrides] for overrides in values]

    records = sweep(jobs("auto"))
    assert {record["timing"]["stacked"] for record in records.values()} == {3}
    assert_equal(records, sweep(jobs("1")))


class Halved(Mixup):
    """A method of the user's own, which inherits from one that stacks know."""

    def __call__(self, *arguments: Any, **options: Any) -> MixedLoss:
        result = super().__call__(*arguments, **options)
        return replace(result, loss=result.loss / 2)


def test_a_method_of_the_users_own_is_trained_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mixupe.experiment.prepare.build_augmentation", lambda *_: Halved())
    jobs = {how: grid(tmp_path / how, f"trainer.stack={how}", "augmentation=mixup") for how in ("auto", "1")}
    records = sweep(jobs["auto"])
    assert "trained one by one: a stack does not know the method Halved" in capsys.readouterr().out
    single = sweep(jobs["1"])
    assert {identity: record["metrics"] for identity, record in records.items()} == {
        identity: record["metrics"] for identity, record in single.items()
    }
    assert all("stacked" not in record["timing"] for record in records.values())


@pytest.mark.parametrize(
    ("stacked", "alone", "workers", "sizes"),
    [
        (3, 0, 1, [3]),
        (70, 0, 1, [23, 24, 23]),
        (33, 0, 2, [16, 17]),
        (5, 0, 4, [1, 1, 2, 1]),
        (2, 0, 8, [1, 1]),
        (6, 2, 2, [3, 3, 1, 1]),
    ],
)
def test_chunks_keep_all_workers_busy(stacked: int, alone: int, workers: int, sizes: list[int]) -> None:
    with hydra_initialised():
        settings = [
            *(compose_all(grid(Path("x"), seeds=range(stacked)))),
            *(compose_all(grid(Path("x"), "trainer.stack=1", seeds=range(alone)))),
        ]
    parts = chunks.chunks(list(range(stacked + alone)), lambda number: settings[number], workers)
    assert [len(part) for part in parts] == sizes
    assert sorted(number for part in parts for number in part) == list(range(stacked + alone))


def test_what_is_not_alike_is_not_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    with hydra_initialised():
        lists = [
            *grid(Path("x"), "augmentation=mixup", seeds=[0, 1]),
            *grid(Path("x"), "augmentation=mixupe", seeds=[0]),
            *grid(Path("x"), "augmentation=mixupe", "augmentation.variant=v4", seeds=[0]),
            *grid(Path("x"), "augmentation=mixupe", "augmentation.penalty_every=2", "trainer.stack=5", seeds=[0, 1]),
            *grid(Path("x"), "augmentation=mixup", "optimizer.lr=0.1", "trainer.stack=2", seeds=[0, 1, 2]),
            *grid(Path("x"), "augmentation=mixup", dataset="tabular/wine", seeds=[0]),
        ]
        settings = compose_all(lists)
    parts = chunks.chunks(list(range(len(lists))), lambda number: settings[number], workers=1)
    assert parts == [[0, 1], [2], [3], [4], [5], [6, 7], [8], [9]]
    told = capsys.readouterr().out
    assert told.count("trainer.stack: mixupe runs are trained one by one: augmentation.penalty_every is not at") == 1


def test_runs_of_a_seed_are_kept_together() -> None:
    """Where duplicates make a seed's parts a size of their own, the more of its runs are in a stack the better."""
    with hydra_initialised():
        of_alpha = (
            grid(Path("x"), "augmentation=mixup", f"augmentation.alpha={alpha}", "trainer.stack=3", seeds=[0, 1])
            for alpha in (0.5, 1, 2)
        )
        settings = compose_all([job for jobs in of_alpha for job in jobs])
    parts = chunks.chunks(list(range(6)), lambda number: settings[number], workers=1)
    assert [[settings[number].seed for number in part] for part in parts] == [[0, 0, 0], [1, 1, 1]]


def test_a_launcher_gets_one_job_a_stack(tmp_path: Path) -> None:
    launched: list[Sequence[Request]] = []

    def launch(jobs: Sequence[Sequence[Request]]) -> list[list[Outcome]]:
        launched.extend(jobs)
        return [run_all(job, Quiet()) for job in jobs]

    def jobs(how: str) -> list[list[str]]:
        lists = [grid(tmp_path / how, f"augmentation={name}", f"trainer.stack={how}") for name in ("none", "mixup")]
        return [job for part in lists for job in part]

    records = sweep(jobs("auto"), launch=launch, workers=2)
    assert len(launched) == 2
    assert_equal(records, sweep(jobs("1")))


def test_one_run_that_diverges_fails_alone(compose: Compose, tmp_path: Path) -> None:
    eta = {0: "0.1", 1: "1e40", 2: "0.1"}
    settings = [
        compose("trainer.stack=auto", f"seed={seed}", f"augmentation.eta={value}") for seed, value in eta.items()
    ]
    outcomes = attempt_runs(settings)
    assert [outcome.state for outcome in outcomes] == ["DONE", "FAILED", "DONE"]
    assert "loss is nan at step" in outcomes[1].reason
    failed = folder_of(settings[1])
    assert "NonFiniteLossError" in failed.log.read_text()
    assert failed.details()["kind"] == "NonFiniteLossError"
    alone = [
        attempt_run(run_settings.model_copy(update={"output_root": tmp_path / "alone"})) for run_settings in settings
    ]
    assert [outcome.state for outcome in alone] == ["DONE", "FAILED", "DONE"]
    assert alone[1].reason.split(";")[0] == outcomes[1].reason.split(";")[0]
    records, expected = (
        {outcome.id: outcome.record for outcome in many if outcome.record} for many in (outcomes, alone)
    )
    assert_equal(records, expected)
    again = attempt_runs(settings)
    assert [(outcome.state, outcome.fresh) for outcome in again] == [
        ("DONE", False),
        ("FAILED", False),
        ("DONE", False),
    ]


def test_runs_that_are_done_or_at_work_elsewhere_are_left_out(compose: Compose) -> None:
    settings = [compose("trainer.stack=auto", f"seed={seed}") for seed in range(4)]
    done = attempt_run(settings[0])
    with folder_of(settings[1]).claimed():
        outcomes = attempt_runs(settings)
    assert [(outcome.state, outcome.fresh) for outcome in outcomes] == [
        ("DONE", False),
        ("RUNNING", False),
        ("DONE", True),
        ("DONE", True),
    ]
    assert outcomes[0].record == done.record
    assert [(outcome.record or {})["timing"]["stacked"] for outcome in outcomes[2:]] == [2, 2]


def test_bad_input_is_refused_and_leaves_nothing(compose: Compose, tmp_path: Path) -> None:
    outcomes = attempt_runs(
        [compose("trainer.stack=auto", "dataset.train_size=5000", f"seed={seed}") for seed in (0, 1)]
    )
    assert [outcome.state for outcome in outcomes] == ["REFUSED", "REFUSED"]
    assert "dataset.train_size: 5000 is more than" in outcomes[0].reason
    assert list((tmp_path / "runs").iterdir()) == []


class KilledError(BaseException):
    pass


def test_runs_at_different_epochs_go_on_together(
    compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run was killed in its second epoch, one in its third, one not begun: as after a kill between two saves."""
    settings = [compose("trainer.stack=auto", "trainer.epochs=4", f"seed={seed}") for seed in range(3)]
    expected = [
        attempt_run(run_settings.model_copy(update={"output_root": tmp_path / "alone"})) for run_settings in settings
    ]
    train_epoch = Trainer.train_epoch

    def kill(settings: RunSettings, epochs: int) -> None:
        def killed(self: Trainer) -> Tensor:
            if self.epoch == epochs:
                self.save()
                raise KilledError
            return train_epoch(self)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "train_epoch", killed)
            with pytest.raises(KilledError):
                attempt_run(settings)

    kill(settings[0], epochs=1)
    kill(settings[1], epochs=2)
    outcomes = attempt_runs(settings)
    assert_equal(
        {outcome.id: outcome.record or {} for outcome in outcomes},
        {outcome.id: outcome.record or {} for outcome in expected},
    )
    for run_settings in settings:
        assert [row["epoch"] for row in MetricsLog(folder_of(run_settings).metrics).rows()] == [1, 2, 3, 4]


def test_asked_to_stop_all_runs_are_interrupted_and_go_on(
    compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [compose("trainer.stack=auto", f"seed={seed}") for seed in range(3)]
    asked = 0

    def reason() -> str | None:
        nonlocal asked
        asked += 1
        return "SIGTERM" if asked > 4 else None  # once before each run, then before each epoch

    with monkeypatch.context() as patch:
        patch.setattr("mixupe.preemption.reason", reason)
        stopped = attempt_runs(settings)
    assert [outcome.state for outcome in stopped] == ["INTERRUPTED"] * 3
    assert stopped[0].reason == "SIGTERM after epoch 1; the same command goes on from there"
    assert folder_of(settings[0]).state() == "INTERRUPTED"
    outcomes = attempt_runs(settings)
    expected = [
        attempt_run(run_settings.model_copy(update={"output_root": tmp_path / "alone"})) for run_settings in settings
    ]
    assert_equal(
        {outcome.id: outcome.record or {} for outcome in outcomes},
        {outcome.id: outcome.record or {} for outcome in expected},
    )


def test_what_cannot_be_stacked_after_all_is_trained_alone(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "alone_by_model", lambda _trainer: "it is not tame")
    outcomes = attempt_runs([compose("trainer.stack=auto", f"seed={seed}") for seed in (0, 1)])
    assert [outcome.state for outcome in outcomes] == ["DONE", "DONE"]
    assert all("stacked" not in (outcome.record or {})["timing"] for outcome in outcomes)


def test_each_run_has_its_own_logger(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []

    @contextmanager
    def run_logger(settings: RunSettings, past: list[dict[str, float]]) -> Iterator[Any]:
        class RunLogger:
            def summary(self, metrics: dict[str, float]) -> None:
                logged.append((run_id(settings), [row["epoch"] for row in past], metrics))

            def explain(self, data: Any, outputs: Any) -> None:
                pass

        yield RunLogger()

    monkeypatch.setattr(run, "run_logger", run_logger)
    outcomes = attempt_runs([compose("trainer.stack=auto", f"seed={seed}") for seed in (0, 1)])
    assert logged == [(outcome.id, [1, 2, 3], (outcome.record or {})["metrics"]) for outcome in outcomes]


def test_stacks_of_two_weights_and_biases_runs(compose: Compose, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    settings = [compose("trainer.stack=auto", "logger=wandb", f"seed={seed}") for seed in (0, 1)]
    assert [outcome.state for outcome in attempt_runs(settings)] == ["DONE", "DONE"]
    found = {path.name.rsplit("-", 1)[1] for path in (tmp_path / "wandb").glob("offline-run-*")}
    assert found == {run_id(run_settings) for run_settings in settings}


def test_runs_on_graphs_are_put_together_by_seed() -> None:
    base = ["model=gin5", "augmentation=mixup"]
    with hydra_initialised():
        settings = compose_all(
            [
                job
                for alpha in (0.1, 0.5, 1)
                for job in grid(Path("x"), *base, f"augmentation.alpha={alpha}", dataset="mutag", seeds=(0, 1))
            ]
        )
    parts = chunks.chunks(list(range(6)), lambda number: settings[number], workers=1)
    assert parts == [[0, 2, 4], [1, 3, 5]]
