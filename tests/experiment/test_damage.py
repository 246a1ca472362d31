"""Files of the run store that were cut off, emptied, removed or swapped: named in one line, and mended or run again."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mixupe.errors import UserError
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_record
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.outcome import Outcome, known_outcome
from mixupe.experiment.run import request_run
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.experiment.sweep import run_sweep
from mixupe.files import previous, write_json
from mixupe.tables.collect import declared_runs, keep_records
from mixupe.tables.manifest import Table
from tests.experiment.conftest import Compose
from tests.experiment.test_faults import failing_at
from tests.same import assert_same_runs, comparable

Damage = Callable[[Path], object]
DAMAGE: dict[str, Damage] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "empty": lambda path: path.write_bytes(b""),
    "no JSON": lambda path: path.write_bytes(b"\xff\xfe<<<<<<< HEAD\n"),
    "no object": lambda path: path.write_text("[]"),
    "missing": Path.unlink,
}
TITLE = "wine mlp mixupe seed 0"


def warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if "warning" in line]


@pytest.fixture
def done(compose: Compose) -> tuple[Outcome, RunFolder]:
    """A finished run of three epochs, and its folder."""
    settings = compose()
    return request_run(settings), RunStore(settings.output_root).folder(run_id(settings))


@pytest.fixture
def failed(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """The folder of a run that failed in its third epoch: checkpoints of the first and the second are there."""
    settings = compose()
    with monkeypatch.context() as patch:
        patch.setattr(MetricsLog, "append", failing_at(3, RuntimeError("stopped by the test")))
        assert request_run(settings).state == "FAILED"
    return RunStore(settings.output_root).folder(run_id(settings))


@pytest.fixture
def whole(compose: Compose, tmp_path: Path) -> tuple[Outcome, RunFolder]:
    """The same run, undisturbed, elsewhere."""
    settings = compose(f"output_root={tmp_path}/whole")
    return request_run(settings), RunStore(tmp_path / "whole").folder(run_id(settings))


def assert_mended(outcome: Outcome, folder: RunFolder, whole: tuple[Outcome, RunFolder]) -> None:
    assert outcome.record is not None, outcome.reason
    assert whole[0].record is not None
    assert comparable(outcome.record) == comparable(whole[0].record)
    assert_same_runs(folder, whole[1])
    assert (folder.state(), folder.damage()) == ("DONE", {})


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_lost_record_is_made_again_from_the_checkpoint(
    compose: Compose,
    done: tuple[Outcome, RunFolder],
    whole: tuple[Outcome, RunFolder],
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    _, folder = done
    DAMAGE[damage](folder.record)
    assert folder.state() == "INTERRUPTED"
    capsys.readouterr()
    again = request_run(compose())
    what = "missing" if damage == "missing" else "damaged"
    assert warnings(capsys) == [f"{TITLE}: warning: record.json is {what}; going on after epoch 3"]
    assert_mended(again, folder, whole)
    request_run(compose())
    assert not warnings(capsys), "it is mended"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_lost_state_of_a_finished_run_costs_nothing(
    compose: Compose, done: tuple[Outcome, RunFolder], capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    outcome, folder = done
    DAMAGE[damage](folder.path / "state.json")
    assert folder.state() == "DONE"
    capsys.readouterr()
    again = request_run(compose())
    assert (again.fresh, again.record) == (False, outcome.record)
    what = "missing" if damage == "missing" else "damaged"
    assert warnings(capsys) == [f"{TITLE}: warning: state.json is {what}; its record is whole, the run is done"]
    assert folder.details()["state"] == "DONE"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_lost_state_of_an_unfinished_run_costs_nothing_either(
    compose: Compose,
    failed: RunFolder,
    whole: tuple[Outcome, RunFolder],
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    DAMAGE[damage](failed.path / "state.json")
    assert failed.state() == "INTERRUPTED"
    capsys.readouterr()
    again = request_run(compose())
    what = "missing" if damage == "missing" else "damaged"
    assert warnings(capsys) == [f"{TITLE}: warning: state.json is {what}; going on after epoch 2"]
    assert_mended(again, failed, whole)


def garbage_after(line: int) -> Damage:
    """Garbage in place of what follows that line of metrics.jsonl, which stays whole."""

    def damage(path: Path) -> None:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:line], b"\x00\xffgarbage\n", *lines[line + 1 :]]))

    return damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (garbage_after(2), "metrics.jsonl is damaged; going on after epoch 2"),
        (
            garbage_after(1),
            "metrics.jsonl is damaged, checkpoint.pt is past epoch 1, after which metrics are missing; going on after"
            " epoch 1",
        ),
        (
            Path.unlink,
            "checkpoint.pt is past epoch 0, after which metrics are missing, checkpoint.previous.pt is past epoch 0,"
            " after which metrics are missing; going on from the beginning",
        ),
    ],
    ids=["past the checkpoint", "within the last epoch", "missing"],
)
def test_lost_metrics_cost_the_epochs_they_were_of(
    compose: Compose,
    failed: RunFolder,
    whole: tuple[Outcome, RunFolder],
    capsys: pytest.CaptureFixture[str],
    damage: Damage,
    says: str,
) -> None:
    damage(failed.metrics)
    capsys.readouterr()
    again = request_run(compose())
    assert warnings(capsys) == [f"{TITLE}: warning: {says}"]
    assert_mended(again, failed, whole)


def test_a_line_too_many_in_the_metrics_costs_nothing(
    compose: Compose, failed: RunFolder, whole: tuple[Outcome, RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = failed.metrics.read_text().splitlines(keepends=True)
    failed.metrics.write_text(first + "null\n" + first + second)
    capsys.readouterr()
    again = request_run(compose())
    assert warnings(capsys) == [f"{TITLE}: warning: metrics.jsonl is damaged; going on after epoch 2"]
    assert_mended(again, failed, whole)
    assert (failed.path / "metrics.jsonl.damaged").exists()


@pytest.mark.parametrize("which", ["last", "both"])
def test_the_checkpoint_of_another_run_is_not_taken(
    compose: Compose,
    failed: RunFolder,
    whole: tuple[Outcome, RunFolder],
    capsys: pytest.CaptureFixture[str],
    which: str,
) -> None:
    other = compose("seed=1")
    request_run(other)
    stranger = RunStore(other.output_root).folder(run_id(other)).checkpoint
    paths = [failed.checkpoint, previous(failed.checkpoint)][: 1 if which == "last" else 2]
    for path in paths:
        shutil.copy(stranger, path)
    capsys.readouterr()
    again = request_run(compose())
    named = ", ".join(f"{path.name} is of another run, {run_id(other)}" for path in paths)
    position = "after epoch 1" if which == "last" else "from the beginning"
    assert warnings(capsys) == [f"{TITLE}: warning: {named}; going on {position}"]
    assert_mended(again, failed, whole)
    aside = failed.path / "checkpoint.pt.damaged"
    assert aside.read_bytes() == stranger.read_bytes(), "it may be all that is left of that run"


def test_a_checkpoint_of_an_earlier_version_has_no_id_and_is_taken(
    compose: Compose, failed: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    state = torch.load(failed.checkpoint, weights_only=True)
    del state["run"]
    write_checkpoint(failed.checkpoint, state)
    capsys.readouterr()
    assert request_run(compose()).state == "DONE"
    assert "resumed after epoch 2" in capsys.readouterr().out


class Untrusted:
    """torch loads no objects of classes it does not know."""


def write_checkpoint(path: Path, state: object) -> None:
    """As `save_checkpoint` does, whatever the state."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    path.write_bytes(data + b"sha256:" + hashlib.sha256(data).hexdigest().encode())


@pytest.mark.parametrize("state", [{"epoch": 3, "model": Untrusted()}, [1, 2]], ids=["untrusted", "no state"])
def test_a_checkpoint_that_torch_does_not_load_is_damage(
    compose: Compose,
    failed: RunFolder,
    whole: tuple[Outcome, RunFolder],
    capsys: pytest.CaptureFixture[str],
    state: object,
) -> None:
    write_checkpoint(failed.checkpoint, state)
    capsys.readouterr()
    again = request_run(compose())
    assert warnings(capsys) == [f"{TITLE}: warning: checkpoint.pt is damaged; going on after epoch 1"]
    assert_mended(again, failed, whole)


TABLE = Table.parse(
    {
        "name": "toy",
        "title": "Toy",
        "seeds": [0, 1],
        "augmentations": {"none": [], "mixup": []},
        "cells": [{"dataset": "tabular/wine", "overrides": ["trainer.epochs=1", "trainer.device=cpu", "logger=none"]}],
    }
)


def test_a_sweep_goes_on_over_damaged_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = TABLE.override_lists([f"output_root={tmp_path}"])
    with hydra_initialised():
        before = run_sweep("toy", jobs)
        folders = [RunStore(tmp_path).folder(outcome.id) for outcome in before]
        DAMAGE["cut off"](folders[0].record)
        DAMAGE["empty"](folders[1].path / "state.json")
        DAMAGE["missing"](folders[2].record)
        capsys.readouterr()
        again = run_sweep("toy", jobs)
    assert len(warnings(capsys)) == 3
    for old, new in zip(before, again, strict=True):
        assert comparable(old.record or {}) == comparable(new.record or {})
    assert [outcome.fresh for outcome in again] == [True, False, True, False]


@pytest.mark.parametrize("damage", ["cut off", "empty", "no JSON", "no object", "another run's"])
def test_a_damaged_record_of_a_table_is_named_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    extra = [f"output_root={tmp_path}/outputs"]
    results = tmp_path / "results" / "toy"

    def another(path: Path) -> None:
        write_json(path, {**json.loads(path.read_text()), "id": "0123456789abcdef"})

    with hydra_initialised():
        outcomes = run_sweep("toy", TABLE.override_lists(extra), results=results)
        keep_records(TABLE, declared_runs(TABLE, results, extra), results)
        path = kept_record(results, outcomes[0].id)
        whole = path.read_bytes()
        {**DAMAGE, "another run's": another}[damage](path)

        capsys.readouterr()
        runs = declared_runs(TABLE, results, extra)
        assert warnings(capsys) == [
            f"warning: {path} is damaged; its record is taken from {tmp_path}/outputs/runs/{path.stem}"
        ]
        keep_records(TABLE, runs, results)
        assert path.read_bytes() == whole, "mended from the run store"

        {**DAMAGE, "another run's": another}[damage](path)
        shutil.rmtree(tmp_path / "outputs")
        with pytest.raises(UserError, match=rf"^{path} is damaged: .* restore it, or remove it to run that again$"):
            declared_runs(TABLE, results, extra)
        capsys.readouterr()
        again = run_sweep("toy", TABLE.override_lists(extra), results=results)
        assert [line.split(" warning: ")[1] for line in warnings(capsys)] == [
            f"{path} is damaged; taken from the run store, or run again"
        ]
        assert [outcome.fresh for outcome in again] == [True, False, False, False]
        keep_records(TABLE, declared_runs(TABLE, results, extra), results)
    assert comparable(json.loads(path.read_bytes())) == comparable(json.loads(whole))


def test_a_table_names_what_is_damaged_in_the_run_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extra = [f"output_root={tmp_path}"]
    with hydra_initialised():
        first, *_ = run_sweep("toy", TABLE.override_lists(extra))
        folder = RunStore(tmp_path).folder(first.id)
        DAMAGE["cut off"](folder.record)
        capsys.readouterr()
        runs = declared_runs(TABLE, tmp_path / "results", extra)
    assert [run.state for run in runs] == ["INTERRUPTED", "DONE", "DONE", "DONE"]
    assert warnings(capsys) == [f"warning: {folder.path}: record.json is damaged; asked for again, the run is mended"]


def test_a_state_that_goes_missing_while_the_run_is_at_work_is_written_again(tmp_path: Path) -> None:
    folder = RunStore(tmp_path).folder("0123456789abcdef")
    with folder.claimed():
        folder.set_running()
        (folder.path / "state.json").unlink()
        folder.heartbeat()
        assert folder.state() == "RUNNING"
        assert known_outcome(folder, "it") is None
