"""Jobs in processes of their own, so that what they start and need can be measured."""

import multiprocessing
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

import psutil

P = ParamSpec("P")
T = TypeVar("T")
# Looking takes some milliseconds, which must not show in what is timed meanwhile.
POLL_S = 0.5


def tree_memory(pid: int) -> int:
    """Bytes of main memory that a process and its descendants hold; what they share counts once (PSS)."""
    total = 0
    try:
        root = psutil.Process(pid)
        members = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in members:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


@dataclass
class Peak:
    """The most bytes a tree of processes has held."""

    bytes: int = 0

    @property
    def gigabytes(self) -> float:
        return self.bytes / 1e9


@contextmanager
def peak_memory(pid: int) -> Iterator[Peak]:
    """Watches a process and its descendants while the block runs."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while True:
            peak.bytes = max(peak.bytes, tree_memory(pid))
            if over.wait(POLL_S):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


@dataclass(frozen=True)
class Finished(Generic[T]):
    """What came of a job in a process of its own.

    Attributes:
        result: what it returned.
        seconds: from before Python's start to its return.
        peak: memory of the process and its descendants.
    """

    result: T
    seconds: float
    peak: Peak


def in_fresh_process(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Finished[T]:
    """Call a function of a module in a new Python process, as a command would; what it raises is raised here."""
    started = time.perf_counter()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_start_workers_as_commands_do) as pool:
        pid = pool.submit(os.getpid).result()
        with peak_memory(pid) as peak:
            result = pool.submit(job, *args, **kwargs).result()
            spent = time.perf_counter() - started
        # Of the process itself the operating system knows the peak, however short.
        peak.bytes = max(peak.bytes, pool.submit(_own_peak).result())
    return Finished(result, spent, peak)


def _own_peak() -> int:
    # Not getrusage's ru_maxrss: a process inherits that from the one it was forked off.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(found.group(1)) if found else 0


def _start_workers_as_commands_do() -> None:
    """A spawned process would spawn its own, the workers of a data loader; a command forks them (the first method)."""
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
