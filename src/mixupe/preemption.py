"""Asked to stop: by a signal of whoever owns the machine, or because a time box is over.

Work that can be left and taken up again calls `check` wherever that is possible: before each training step and before
each batch of an evaluation. Nothing is torn down from outside.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# Slurm, Kubernetes, systemd and `kill` send SIGTERM; Slurm's --signal=USR1@60 sends SIGUSR1 a minute ahead of it.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
# When the time box ends, in seconds since 1970. In the environment, because worker processes must know it too.
DEADLINE = "MIXUPE_DEADLINE"
TIME_IS_OVER = "the time is over"


class StoppedError(Exception):
    """Work ended early because this process was asked to stop; says by what and where."""


@dataclass
class _Process:
    """What this process knows: the signal it got, and the longest time between two calls of `check`, in seconds."""

    signal: str | None = None
    checked: float | None = None
    longest_pause: float = 0.0


_PROCESS = _Process()


def reason() -> str | None:
    """SIGTERM, SIGUSR1 or TIME_IS_OVER where this process was asked to stop, else None.

    The time counts as over as soon as there may be no further `check` before its end: when less of it is left than the
    longest time between two of them so far, in which a checkpoint was saved, say, or a data set loaded.
    """
    if _PROCESS.signal is not None:
        return _PROCESS.signal
    deadline = os.environ.get(DEADLINE)
    if deadline is not None and time.time() + _PROCESS.longest_pause >= float(deadline):
        return TIME_IS_OVER
    return None


def check() -> None:
    """Raises:
    StoppedError: this process was asked to stop.
    """
    now = time.monotonic()
    if _PROCESS.checked is not None:
        _PROCESS.longest_pause = max(_PROCESS.longest_pause, now - _PROCESS.checked)
    _PROCESS.checked = now
    found = reason()
    if found is not None:
        raise StoppedError(found)


class UntilStopped(list[T]):
    """Items that come to an end as soon as this process is asked to stop, for whoever takes them one by one."""

    def __iter__(self) -> Iterator[T]:
        for item in super().__iter__():
            if reason() is not None:
                return
            yield item


@contextmanager
def time_box(minutes: float | None) -> Iterator[None]:
    """This process and those it starts are asked to stop in that many minutes; None is no limit."""
    if minutes is None:
        yield
        return
    before = os.environ.get(DEADLINE)
    os.environ[DEADLINE] = str(time.time() + 60 * minutes)
    try:
        yield
    finally:
        if before is None:
            del os.environ[DEADLINE]
        else:
            os.environ[DEADLINE] = before


def listen() -> None:
    """From now on SIGNALS are noted instead of ending this process, and passed on to its worker processes.

    Where somebody else listens already (a launcher that queues stopped jobs again by itself), it stays so.
    """
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, note)


@contextmanager
def listening() -> Iterator[None]:
    """`listen` while the block runs."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _PROCESS.signal, _PROCESS.checked, _PROCESS.longest_pause = None, None, 0.0


def leave_signals_to_the_parent(*_: object) -> None:
    """For helper processes, such as those of a data loader: a signal to the whole job must not end them first."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def note(number: int, _frame: object) -> None:
    """A signal handler: this process was asked to stop."""
    _PROCESS.signal = signal.Signals(number).name
    # Whoever stops a job may know its first process alone.
    for worker in multiprocessing.active_children():
        worker.terminate()
