"""Signals and time boxes: what is asked, when the time counts as over, and that handlers are put back."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mixupe import preemption
from mixupe.preemption import DEADLINE, TIME_IS_OVER, StoppedError, UntilStopped, check, listening, reason, time_box


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_noted_while_listening(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with listening():
        assert reason() is None
        check()
        os.kill(os.getpid(), number)
        assert reason() == number.name
        with pytest.raises(StoppedError, match=number.name):
            check()
    assert reason() is None
    assert signal.getsignal(number) is before


def test_who_listens_already_is_left_alone() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with listening():
            os.kill(os.getpid(), signal.SIGTERM)
            assert reason() is None
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_items_end_when_the_process_is_asked_to_stop() -> None:
    taken = []
    with listening():
        items = UntilStopped([1, 2, 3, 4])
        for item in items:
            taken.append(item)
            if item == 2:
                os.kill(os.getpid(), signal.SIGTERM)
    assert taken == [1, 2]
    assert len(items) == 4


def test_a_time_box_is_over_in_this_process_and_in_those_it_starts() -> None:
    with time_box(None):
        assert DEADLINE not in os.environ
    with time_box(60):
        assert reason() is None
        is_over = f"import os, time; print(float(os.environ['{DEADLINE}']) <= time.time())"
        with time_box(0.0):
            assert reason() == TIME_IS_OVER
            child = subprocess.run([sys.executable, "-c", is_over], capture_output=True, text=True, check=True)
        assert child.stdout.strip() == "True"
        assert reason() is None
    assert DEADLINE not in os.environ


def test_the_time_is_over_before_a_pause_that_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    monkeypatch.setattr(time, "time", lambda: clock)
    with listening(), time_box(1.0):
        check()
        clock += 20  # an epoch's validation, say
        check()
        clock += 15
        check()
        clock += 10
        with pytest.raises(StoppedError, match=TIME_IS_OVER):
            check()  # 15 seconds are left, but the next check may be 20 away


def test_a_helper_process_leaves_signals_to_its_parent() -> None:
    before = [signal.getsignal(number) for number in preemption.SIGNALS]
    try:
        preemption.leave_signals_to_the_parent()
        for number in preemption.SIGNALS:
            os.kill(os.getpid(), number)
    finally:
        for number, handler in zip(preemption.SIGNALS, before, strict=True):
            signal.signal(number, handler)
