"""The offline W&B folder, read back."""

import json
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixupe.console import say_once
from mixupe.errors import UserError
from mixupe.experiment import wandb_environment
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.run import request_run
from tests.experiment.conftest import Compose

wandb = pytest.importorskip("wandb")


BLOCK, HEADER = 32768, 7


def offline_folders(output_root: Path) -> list[Path]:
    return sorted((output_root / "wandb").glob("offline-run-*"))


def raw_records(data: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: LevelDB's log format after a header of 7 bytes."""
    position, parts = HEADER, b""
    while position + HEADER <= len(data):
        if BLOCK - position % BLOCK < HEADER:  # the rest of a block that is too short for a header is padding
            position += BLOCK - position % BLOCK
            continue
        _crc, length, kind = struct.unpack_from("<IHB", data, position)
        position += HEADER
        if position + length > len(data):  # W&B is still writing it
            return
        parts += data[position : position + length]
        position += length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def read_back(folder: Path) -> dict[str, Any]:
    """Run, history and summary of one offline run, which W&B writes to the end shortly after the run is finished."""
    deadline = time.monotonic() + 20
    while "exit_code" not in (found := _read(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _read(folder: Path) -> dict[str, Any]:
    from wandb.proto import wandb_internal_pb2

    new_record: Any = getattr(wandb_internal_pb2, "Record")  # noqa: B009 - made at run time, unknown to mypy
    (path,) = folder.glob("*.wandb")
    found: dict[str, Any] = {"history": [], "summary": {}}
    for data in raw_records(path.read_bytes()):
        record = new_record()
        record.ParseFromString(data)
        if record.HasField("run"):
            found["run"] = record.run
        if record.HasField("history"):
            found["history"].append(
                {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            )
        if record.HasField("summary"):
            for item in record.summary.update:
                found["summary"][item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        if record.HasField("exit"):
            found["exit_code"] = record.exit.exit_code
    return found


def test_each_job_of_one_process_is_one_offline_run(compose: Compose, tmp_path: Path) -> None:
    settings = [compose("logger=wandb", f"seed={seed}", "logger.job_type=a-table") for seed in (0, 1)]
    records = [request_run(run_settings).record or {} for run_settings in settings]
    folders = offline_folders(tmp_path)
    assert len(folders) == 2
    read = {back["run"].run_id: back for back in map(read_back, folders)}
    for run_settings, record in zip(settings, records, strict=True):
        back = read[run_id(run_settings)]
        assert back["run"].run_group == group_id(run_settings)
        assert back["run"].job_type == "a-table"
        assert list(back["run"].tags) == ["wine", "mlp", "mixupe"]
        assert back["exit_code"] == 0
        assert [row["_step"] for row in back["history"]] == [1, 2, 3]
        lines = (tmp_path / "runs" / run_id(run_settings) / "metrics.jsonl").read_text().splitlines()
        for row, line in zip(back["history"], lines, strict=True):
            for key, value in json.loads(line).items():
                assert key == "epoch" or row[key] == pytest.approx(value), key
        assert back["summary"]["test_error"] == pytest.approx(record["metrics"]["test_error"])
    assert len({back["run"].run_group for back in read.values()}) == 1


def test_a_failed_run_is_closed_as_failed(compose: Compose, tmp_path: Path) -> None:
    request_run(compose("logger=wandb", "optimizer=sgd", "optimizer.lr=1e30"))
    (folder,) = offline_folders(tmp_path)
    assert read_back(folder)["exit_code"] == 1


@pytest.mark.parametrize("moment", ["init", "log", "finish"])
def test_a_logger_that_breaks_does_not_break_the_run(
    compose: Compose, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    say_once.cache_clear()
    finish = wandb.Run.finish

    def fail(*arguments: Any, **options: Any) -> None:
        if moment == "finish":
            finish(*arguments, **options)
        raise RuntimeError("no mirror\nin the test")

    monkeypatch.setattr(wandb_environment._SERVER, "answers", None)
    monkeypatch.setattr(wandb if moment == "init" else wandb.Run, moment, fail)
    assert request_run(compose("logger=wandb")).state == "DONE"
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wandb: ")]
    assert line.startswith("wandb: RuntimeError: no mirror; ")


def test_training_needs_no_wandb(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert request_run(compose("logger=none")).state == "DONE"
    with pytest.raises(UserError, match="logger: wandb is not installed"):
        request_run(compose("logger=wandb", "seed=5"))
