"""The run store: one folder a run, `<output_root>/runs/<id>/`, and at any moment at most one process in it.

The lock is the operating system's and dies with its process, so a run whose state says RUNNING but whose lock is free
was killed and can be taken up again. So can one whose files were damaged: what they say is read as far as it is whole.
"""

import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from filelock import FileLock, Timeout

from mixupe.errors import UserError
from mixupe.files import previous, read_object, set_aside, write_json

Record = dict[str, Any]
State = Literal["MISSING", "RUNNING", "INTERRUPTED", "DONE", "FAILED"]
HEARTBEAT_S = 10.0
# What state.json must hold to be whole.
_DETAILS = {"state", "heartbeat"}
_FAILURE_DETAILS = {"kind", "reason", "log"}


class AlreadyRunningError(RuntimeError):
    """Another process is at work on this run."""


class _File:
    """The path of a file in a run's folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: "RunFolder", owner: type) -> Path:
        return folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    config = _File("config.yaml")
    metrics = _File("metrics.jsonl")
    checkpoint = _File("checkpoint.pt")
    model = _File("model.pt")
    predictions = _File("predictions.npz")
    record = _File("record.json")
    log = _File("log.txt")
    _state = _File("state.json")

    def state(self) -> State:
        """MISSING, RUNNING, INTERRUPTED (its process is gone, or it has lost its record), DONE (has one) or FAILED."""
        said = self.details().get("state")
        if said == "FAILED":
            return "FAILED"
        if said != "RUNNING" and self.read_record() is not None:
            return "DONE"
        if not (self._state.exists() or self.has_checkpoint()):
            return "MISSING"
        return "RUNNING" if self._is_locked() else "INTERRUPTED"

    def has_checkpoint(self) -> bool:
        """Whether it holds work of an earlier start."""
        return self.checkpoint.exists() or previous(self.checkpoint).exists()

    def read_record(self) -> Record | None:
        """See the function of that name."""
        return read_record(self.record, self.id)

    def read_config(self) -> dict[str, Any]:
        """config.yaml as plain values; empty where it is missing or damaged."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            config = yaml.load(self.config.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        return config if isinstance(config, dict) else {}

    def details(self) -> dict[str, Any]:
        """What state.json says: state, pid, host, heartbeat; reason, kind and log of a failed run. Empty if damaged."""
        details = read_object(self._state) or {}
        needed = _DETAILS | (_FAILURE_DETAILS if details.get("state") == "FAILED" else set())
        return details if needed <= details.keys() else {}

    def damage(self) -> dict[Path, str]:
        """What is wrong with state.json and record.json (`state.json is damaged`), of a run that was begun."""
        said = self.details().get("state")
        lacks_record = self.read_record() is None
        found = {}
        if said is None and (self._state.exists() or self.record.exists() or self.has_checkpoint()):
            found[self._state] = "damaged" if self._state.exists() else "missing"
        if lacks_record and (said == "DONE" or self.record.exists()):
            found[self.record] = "damaged" if self.record.exists() else "missing"
        return {path: f"{path.name} is {what}" for path, what in found.items()}

    def set_damage_aside(self) -> list[str]:
        """What `damage` found; the files are there no more."""
        damage = self.damage()
        for path in damage:
            set_aside(path)
        return list(damage.values())

    def _is_locked(self) -> bool:
        """Whether a process is at it: then no shared lock can be had, for which a folder need not be writable."""
        try:
            with (self.path / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # there is none, or nobody could have taken it
            return False
        return False

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the one process at work on this run.

        Raises:
            AlreadyRunningError: another process is.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "lock")
        try:
            # Somebody who only asks for the state holds the lock for an instant.
            lock.acquire(timeout=0.2, poll_interval=0.02)
        except Timeout:
            raise AlreadyRunningError(f"run {self.id} is already running ({self.path})") from None
        for leftover in self.path.glob(".*.part"):  # of a process that was killed while it wrote
            leftover.unlink()
        try:
            yield
        finally:
            lock.release()

    def set_running(self) -> None:
        write_json(self._state, {"state": "RUNNING", **_whereabouts()})

    def heartbeat(self) -> None:
        """Say that the run is alive, at most every HEARTBEAT_S seconds."""
        try:
            last = self._state.stat().st_mtime
        except FileNotFoundError:
            last = 0.0
        if time.time() - last > HEARTBEAT_S:
            self.set_running()

    def set_done(self) -> None:
        write_json(self._state, {"state": "DONE", **_whereabouts()})

    def set_failed(self, kind: str, reason: str) -> None:
        """kind is the exception's class; a NonFiniteLossError would come again, so such a run is not repeated."""
        write_json(
            self._state, {"state": "FAILED", "kind": kind, "reason": reason, "log": str(self.log), **_whereabouts()}
        )


class RunStore:
    """All runs below an output root."""

    def __init__(self, output_root: Path) -> None:
        self.runs = output_root / "runs"

    def check_writable(self) -> None:
        """Raise UserError if nothing can be written there."""
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.runs):
                pass
        except OSError as error:
            raise UserError(f"output_root: cannot write to {self.runs}: {error.strerror}") from error

    def folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.runs / run_id)

    def beginning(self, text: str) -> list[RunFolder]:
        """The runs whose ids begin so, sorted; none for what is no id."""
        return [RunFolder(path) for path in sorted(self.runs.glob(f"{text}*"))] if text.isalnum() else []


def read_record(path: Path, run_id: str) -> Record | None:
    """The record of that run; None where the file is missing or damaged, or of another run."""
    record = read_object(path) or {}
    return record if record.get("id") == run_id and isinstance(record.get("metrics"), dict) else None


def _whereabouts() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "heartbeat": time.time()}
