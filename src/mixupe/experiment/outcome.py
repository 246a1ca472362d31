"""How requests for runs end: done, failed, interrupted, refused; found in the run store or told by an error."""

import shutil
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mixupe import preemption
from mixupe.console import warn
from mixupe.errors import UserError, named
from mixupe.experiment.store import RunFolder

# A diverged run would diverge again: its failure is a result, not an accident.
FINAL_FAILURES = {"NonFiniteLossError"}
OUT_OF_GPU_MEMORY = (
    "out of GPU memory; trainer.precision=bf16, a larger trainer.accumulate or a smaller trainer.batch_size needs less"
)


@dataclass(frozen=True)
class Outcome:
    """How a request for a run ended.

    Attributes:
        id: the run's identity.
        title: what a person knows the run by.
        state: DONE, FAILED, RUNNING (elsewhere), INTERRUPTED (this process was asked to stop) or REFUSED (bad input).
        fresh: whether anything was computed for this request.
        reason: why it is not DONE, one line; empty otherwise.
        record: of a finished run.
    """

    id: str
    title: str
    state: str
    fresh: bool
    reason: str = ""
    record: dict[str, Any] | None = None

    def line(self) -> str:
        if self.record is None:
            return f"{self.title}: {self.state} - {self.reason}"
        how = f"{self.record['timing']['seconds']:.1f} s" if self.fresh else "already done"
        return f"{self.title}: test error {self.record['metrics']['test_error']:.2f}% ({how})"


def refused(folder: RunFolder, title: str, error: UserError) -> Outcome:
    return Outcome(folder.id, title, "REFUSED", fresh=False, reason=str(error))


def known_outcome(folder: RunFolder, title: str) -> Outcome | None:
    """The outcome of a run that need not be computed (again), or None. A state.json that is damaged beside a whole record
    is written again.
    """
    details, record = folder.details(), folder.read_record()
    state = folder.state()
    if state == "DONE" and record is not None:
        if not details:
            warn(f"{', '.join(folder.set_damage_aside())}; its record is whole, the run is done", title)
            with suppress(OSError):  # nothing needs it
                folder.set_done()
        return Outcome(folder.id, title, state, fresh=False, record=record)
    if state == "FAILED" and details.get("kind") in FINAL_FAILURES:
        reason = f"{details['reason']}; log {details['log']} (remove {folder.path} to repeat it)"
        return Outcome(folder.id, title, state, fresh=False, reason=reason)
    return None


def ended_outcome(folder: RunFolder, title: str) -> Outcome:
    """The outcome of a run, DONE or FAILED, that another process has just ended."""
    details, record = folder.details(), folder.read_record()
    if record is not None and details.get("state") != "FAILED":
        return Outcome(folder.id, title, "DONE", fresh=True, record=record)
    reason = f"{details['reason']}; log {details['log']}" if "reason" in details else f"{folder.record} is damaged"
    return Outcome(folder.id, title, "FAILED", fresh=True, reason=reason)


def ended_by(error: Exception, folder: RunFolder, title: str) -> Outcome:
    """The outcome of a claimed run that raised `error`; called where it was caught."""
    if isinstance(error, UserError):
        if not folder.has_checkpoint():  # it holds no work of an earlier start, and goes again
            shutil.rmtree(folder.path, ignore_errors=True)
        return refused(folder, title, error)
    if isinstance(error, preemption.StoppedError):
        # The state stays RUNNING; without a process that is INTERRUPTED.
        reason = f"{error}; the same command goes on from there"
        return Outcome(folder.id, title, "INTERRUPTED", fresh=True, reason=reason)
    return record_failure(folder, title, error)


def _reason(error: Exception) -> str:
    import torch  # finished runs are found without it

    if isinstance(error, torch.OutOfMemoryError):
        return OUT_OF_GPU_MEMORY
    line = named(error)
    # torch's loader knows its processes by this name; the system kills them first where memory runs out.
    return f"{line}; fewer dataset.workers need less memory" if "DataLoader worker" in line else line


def record_failure(folder: RunFolder, title: str, error: Exception) -> Outcome:
    """The outcome of a run that failed, which is FAILED then; called where `error` was caught."""
    reason = _reason(error)
    try:
        with folder.log.open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())
        folder.set_failed(type(error).__name__, reason)
    except OSError:  # a full disk holds no failure either; the state stays what it was, and the reason is said
        return Outcome(folder.id, title, "FAILED", fresh=True, reason=reason)
    return Outcome(folder.id, title, "FAILED", fresh=True, reason=f"{reason}; log {folder.log}")
