"""Real runs: found when done, failed when they diverge, bad input leaves nothing."""

import errno
import json
from pathlib import Path

import pytest

from mixupe.errors import UserError
from mixupe.experiment.finished import find_run
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.run import request_run
from mixupe.experiment.store import AlreadyRunningError, RunFolder, RunStore
from tests.experiment.conftest import Compose
from tests.same import comparable


def test_a_run_leaves_its_record_and_is_not_repeated(compose: Compose) -> None:
    settings = compose()
    first = request_run(settings)
    folder = RunStore(settings.output_root).folder(run_id(settings))
    assert (first.state, first.fresh) == ("DONE", True)
    files = (
        "config.yaml",
        "metrics.jsonl",
        "record.json",
        "checkpoint.pt",
        "predictions.npz",
        "model.pt",
        "state.json",
    )
    kept = {*files, "lock"}
    assert {path.name for path in folder.path.iterdir()} == kept
    record = json.loads(folder.record.read_text())
    assert record["id"] == run_id(settings)
    assert record["group"] == group_id(settings)
    assert record["seed"] == 0
    assert record["protocol"] == "heldout"
    assert 0 <= record["metrics"]["test_error"] <= 100
    assert {"test_error_last", "test_loss", "validation_error", "best_epoch"} <= set(record["metrics"])
    assert [row["epoch"] for row in MetricsLog(folder.metrics).rows()] == [1, 2, 3]
    assert {name: len(curve) for name, curve in record["curves"].items()} == {
        "train_loss": 3,
        "validation_loss": 3,
        "validation_error": 3,
    }
    second = request_run(settings)
    assert (second.state, second.fresh, second.record) == ("DONE", False, record)


def test_the_same_seed_gives_the_same_record_and_another_does_not(compose: Compose, tmp_path: Path) -> None:
    records = [
        request_run(compose(f"output_root={tmp_path}/{number}", f"seed={seed}")).record
        for number, seed in enumerate([0, 0, 1])
    ]
    a, b, c = (comparable(record or {}) for record in records)
    assert a == b
    assert a["metrics"] != c["metrics"]
    assert a["split"] != c["split"]


def test_a_record_says_where_its_test_part_comes_from(compose: Compose) -> None:
    outcomes = [request_run(compose(*keys)) for keys in ((), ("dataset.folds=3",))]
    assert [(outcome.record or {})["test_part"] for outcome in outcomes] == ["drawn", "fold"]


def test_a_record_does_not_say_where_files_lie(compose: Compose, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("x,y\n" + "\n".join(f"{row % 9},{'ab'[row % 9 > 4]}" for row in range(60)))
    keys = ["dataset=csv", f"dataset.path={tmp_path}/mine.csv", "dataset.target=y", f"data.root={tmp_path}/sets"]
    outcome = request_run(compose(*keys))
    record = outcome.record or {}
    assert str(tmp_path) not in json.dumps(record)
    assert record["config"]["dataset"]["path"] == "mine.csv"
    assert (record["config"]["data"]["root"], record["config"]["output_root"]) == ("sets", tmp_path.name)
    assert find_run(outcome.id, tmp_path, tmp_path).settings == compose(*keys), "the run store knows"


def test_methods_share_split_and_size_seed_by_seed(compose: Compose) -> None:
    none, mixup = (request_run(compose(f"augmentation={name}")).record or {} for name in ("none", "mixup"))
    assert none["split"] == mixup["split"]
    assert none["metrics"] != mixup["metrics"]


def test_a_diverged_run_is_failed_with_step_reason_and_log_and_is_not_repeated(compose: Compose) -> None:
    settings = compose("optimizer=sgd", "optimizer.lr=1e30")
    outcome = request_run(settings)
    folder = RunStore(settings.output_root).folder(run_id(settings))
    assert (outcome.state, folder.state()) == ("FAILED", "FAILED")
    assert "loss is nan at step" in outcome.reason
    assert str(folder.log) in outcome.reason
    assert "NonFiniteLossError" in folder.log.read_text()
    assert folder.config.exists()
    assert not folder.record.exists()
    again = request_run(settings)
    assert (again.state, again.fresh) == ("FAILED", False)


def test_another_failure_is_tried_again(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = compose()

    def fail(*_: object) -> None:
        raise MemoryError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr("mixupe.training.trainer.Trainer.fit", fail)
        assert request_run(settings).reason.startswith("MemoryError: no memory")
    assert request_run(settings).state == "DONE"


def test_bad_input_leaves_nothing(compose: Compose, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"augmentation.mix_at: there is no module 'layer9', allowed are input, "):
        request_run(compose("augmentation.mix_at=layer9"))
    with pytest.raises(UserError, match=r"dataset.train_size: 5000 is more than"):
        request_run(compose("dataset.train_size=5000"))
    assert list((tmp_path / "runs").iterdir()) == []


def test_the_state_of_a_run_in_a_folder_that_can_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunStore(tmp_path).folder("0123456789abcdef")

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with folder.claimed():
        folder.set_running()
        monkeypatch.setattr("mixupe.experiment.store.FileLock.acquire", read_only)
        assert folder.state() == "RUNNING"
    assert folder.state() == "INTERRUPTED"
    (folder.path / "lock").unlink(missing_ok=True)
    assert folder.state() == "INTERRUPTED"
    assert not (folder.path / "lock").exists(), "who asks writes nothing"


def test_two_processes_never_work_on_one_run(compose: Compose) -> None:
    settings = compose()
    folder = RunStore(settings.output_root).folder(run_id(settings))
    with folder.claimed():
        folder.set_running()
        assert folder.state() == "RUNNING"
        with pytest.raises(AlreadyRunningError), RunFolder(folder.path).claimed():
            pytest.fail("claimed twice")
        assert request_run(settings).state == "RUNNING"
    assert folder.state() == "INTERRUPTED", "the process that said RUNNING is gone"
    assert request_run(settings).state == "DONE"


def test_a_metrics_row_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append(1, {"train_loss": 0.5})
    log.append(2, {"train_loss": 0.4})
    with log.path.open("a") as file:
        file.write('{"epoch": 3, "train')
    assert [row["epoch"] for row in log.rows()] == [1, 2]
    log.keep_until(1)
    log.append(2, {"train_loss": 0.3})
    assert log.rows() == [{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.3}]


def test_protocol_paper_validates_on_test(compose: Compose) -> None:
    record = request_run(compose("protocol=paper")).record or {}
    assert record["protocol"] == "paper"
    assert record["examples"]["validation"] == record["examples"]["test"]
    assert record["metrics"]["validation_error"] == record["metrics"]["test_error"]


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", ["none", "mixup", "mixupe"])
def test_a_compiled_run_agrees_with_a_plain_one(compose: Compose, tmp_path: Path, augmentation: str) -> None:
    plain, compiled = (
        request_run(compose(f"augmentation={augmentation}", f"trainer.compile={on}", f"output_root={tmp_path}/{on}"))
        for on in ("false", "true")
    )
    assert plain.record is not None
    assert compiled.record is not None, compiled.reason
    assert compiled.id == plain.id
    assert compiled.record["metrics"]["test_loss"] == pytest.approx(plain.record["metrics"]["test_loss"], rel=1e-4)


def test_what_cannot_be_compiled_is_refused(compose: Compose) -> None:
    with pytest.raises(UserError, match=r"trainer.compile: .*augmentation.mix_at has 'head'"):
        request_run(compose("trainer.compile=true", "augmentation=mixup", "augmentation.mix_at=head"))
    with pytest.raises(UserError, match=r"trainer.compile: .*allowed are approximate, v3 and v4"):
        request_run(compose("trainer.compile=true", "augmentation.variant=v2"))
