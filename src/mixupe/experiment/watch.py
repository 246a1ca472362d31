"""Progress of runs that other processes compute: what ended is read from the run store."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mixupe.experiment.outcome import ended_outcome
from mixupe.experiment.request import Request

POLL_S = 1.0


@contextmanager
def watching(report: Callable[[Sequence[str]], object], runs: Sequence[Request]) -> Iterator[None]:
    """Report each of these runs, a line each, as soon as it has ended, while the block runs."""
    started = time.time()
    waiting = list(runs)
    over = threading.Event()

    def report_ended() -> None:
        lines = []
        for run in tuple(waiting):
            details = run.folder.details()
            # An older FAILED is what is being tried again.
            if details.get("state") in ("DONE", "FAILED") and details["heartbeat"] >= started:
                lines.append(ended_outcome(run.folder, run.title).line())
                waiting.remove(run)
        report(lines)

    def poll() -> None:
        while not over.wait(POLL_S):
            report_ended()

    watcher = threading.Thread(target=poll, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        report_ended()
