"""Jobs in processes of their own, and their memory."""

import multiprocessing
import os
import threading
import time

import pytest

from benchmarks.processes import in_fresh_process, peak_memory, tree_memory

MEGABYTE = 2**20


def hold(megabytes: int) -> tuple[int, str]:
    held = bytearray(os.urandom(MEGABYTE) * megabytes)
    time.sleep(0.4)
    return len(held), multiprocessing.get_start_method()


def fail() -> None:
    raise ValueError("as asked")


@pytest.mark.slow
def test_memory_of_a_job_is_seen() -> None:
    done = in_fresh_process(hold, 200)
    assert done.result == (200 * MEGABYTE, multiprocessing.get_all_start_methods()[0])
    assert 0.2 < done.peak.gigabytes < 2
    assert done.seconds >= 0.4


@pytest.mark.slow
def test_what_a_job_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="as asked"):
        in_fresh_process(fail)


def test_the_peak_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, looked = iter([3, 7, 5]), threading.Event()

    def memory(_: int) -> int:
        held = next(looks, None)
        if held is None:
            looked.set()
        return held or 0

    monkeypatch.setattr("benchmarks.processes.tree_memory", memory)
    monkeypatch.setattr("benchmarks.processes.POLL_S", 0.001)
    with peak_memory(1) as peak:
        assert looked.wait(10)
    assert peak.bytes == 7


def test_the_memory_of_this_process_and_of_none() -> None:
    assert tree_memory(os.getpid()) > 50 * MEGABYTE
    assert tree_memory(2**22 + 1) == 0, "no such process"
