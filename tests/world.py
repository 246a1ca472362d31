"""Several processes as torchrun would start them."""

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def environment(rank: int, size: int, port: int) -> dict[str, str]:
    """What torchrun says to a process."""
    return {
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }


def started(folder: Path, size: int, work: Callable[[int], Any], method: str = "fork") -> list[Any]:
    """`size` processes (multiprocessing) at `work(rank)`; what each returns or raises is written to `folder`.

    `method` spawn is for a function of a module that uses a library with threads, whose locks a fork would copy.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    context: Any = multiprocessing.get_context(method)
    processes = [context.Process(target=_run, args=(rank, size, port, folder, work)) for rank in range(size)]
    for process in processes:
        process.start()
    return processes


def _run(rank: int, size: int, port: int, folder: Path, work: Callable[[int], Any]) -> None:
    os.environ.update(environment(rank, size, port))
    torch.set_num_threads(1)
    try:
        torch.save(work(rank), folder / f"result-{rank}.pt")
    except BaseException:
        (folder / f"error-{rank}.txt").write_text(traceback.format_exc())
        raise


def results(folder: Path, size: int, work: Callable[[int], Any], method: str = "fork") -> list[Any]:
    """What `work(rank)` returns in each of `size` processes."""
    for process in started(folder, size, work, method):
        process.join(240)
        assert process.exitcode == 0, "\n".join(path.read_text() for path in folder.glob("error-*.txt"))
    return [torch.load(folder / f"result-{rank}.pt", weights_only=False) for rank in range(size)]
