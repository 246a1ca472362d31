"""Progress of runs that other processes compute: what ended is read from the run store."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mixupe.experiment.outcome import ended_outcome
from mixupe.experiment.request import Request

POLL_S = 1.0


@contextmanager
def watching(report: Callable[[Sequence[str]], object], runs: Sequence[Request]) -> Iterator[None]:
    """Report each of these runs, a line each, as soon as it has ended, while the block runs."""
    started = time.time()
    waiting = {run.folder.id: run for run in runs}
    stores = {run.folder.path.parent for run in runs}
    over = threading.Event()

    def report_ended() -> None:
        lines = []
        begun = _begun(stores)
        for identity in [identity for identity in waiting if identity in begun]:
            run = waiting[identity]
            details = run.folder.details()
            # An older FAILED is what is being tried again.
            if details.get("state") in ("DONE", "FAILED") and details["heartbeat"] >= started:
                lines.append(ended_outcome(run.folder, run.title).line())
                del waiting[identity]
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


def _begun(stores: Collection[Path]) -> set[str]:
    """Ids of the runs that have a folder. One listing: to look for the state of each of 20,000 runs takes a second."""
    found = set[str]()
    for store in stores:
        with suppress(FileNotFoundError), os.scandir(store) as entries:
            found.update(entry.name for entry in entries)
    return found
