"""On a machine with a GPU, within a time limit: its tests, the benchmarks, then as much of its tables as time is left for.

    make gpu MINUTES=9                            tests,step,epoch,data,sweep,cifar100,fashion_mnist
    make gpu MINUTES=9 ONLY=cifar100              go on with that table
    make gpu MINUTES=9 GPU_PYTHON=python3         no virtual environment: what that Python has (docs/gpu.md)

Further arguments are overrides of the tables' runs. Exit status: 0 all done or the time is over (what is left is said),
1 a step failed, 2 there is no GPU or the command line is wrong.
"""

import argparse
import importlib.util
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from mixupe.command_line import Parser, exit_status
from mixupe.console import say
from mixupe.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
TABLES = ("cifar100", "fashion_mnist")
STEPS = ("tests", "step", "epoch", "data", "sweep", *TABLES)
# A step is not begun with less time left; the table's files are written in the last part of it.
LEAST_S = 20.0
TABLE_FILES_S = 45.0
KILL_AFTER_S = 10.0


@dataclass
class Clock:
    """The time limit, from the start of this program."""

    end: float

    def left(self) -> float:
        return self.end - time.monotonic()


@exit_status
def main(arguments: Sequence[str] | None = None) -> int:
    clock_start = time.monotonic()
    given = _parser().parse_args(arguments)
    if not 0 < given.minutes < math.inf:
        raise UserError(f"--minutes: must be a number > 0, got {given.minutes:g}")
    chosen = given.only.split(",")
    unknown = [name for name in chosen if name not in STEPS]
    if unknown:
        raise UserError(f"--only: {unknown[0]!r} is unknown, allowed are {', '.join(STEPS)}")
    if not torch.cuda.is_available():
        raise UserError("no CUDA device is available; this is for a machine with a GPU")
    clock = Clock(clock_start + 60 * given.minutes)
    say(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {given.minutes:g} minutes")
    endings = {}
    for name in [step for step in STEPS if step in chosen]:
        endings[name] = _table(name, clock, given.overrides) if name in TABLES else _run(name, _command(name), clock)
    say("; ".join(f"{name}: {ending}" for name, ending in endings.items()))
    left = [name for name, ending in endings.items() if ending in ("stopped", "not begun")]
    if left:
        say(f"the time is over; left: make gpu ONLY={','.join(left)}")
    return int(any(ending == "failed" for ending in endings.values()))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="time limit of all [60]")
    parser.add_argument("--only", default=",".join(STEPS), help="steps, separated by commas [%(default)s]")
    parser.add_argument("overrides", nargs="*", help=f"overrides of the runs of the tables {', '.join(TABLES)}")
    return parser


def _command(name: str) -> list[str]:
    if name == "tests":
        # Only the files that have such tests: others may import what is not installed here.
        files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text()]
        return ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu", *files]
    return [str(ROOT / "scripts" / "benchmark.py"), name, "--device", "cuda"]


def _table(table: str, clock: Clock, overrides: Sequence[str]) -> str:
    """Train within the time that is left, then write the table's files from the runs there are."""
    minutes = (clock.left() - TABLE_FILES_S) / 60
    if minutes * 60 < LEAST_S:
        return "not begun"
    logger = [] if importlib.util.find_spec("wandb") else ["logger=none"]
    train = ["scripts/train.py", "--multirun", f"table={table}", f"hydra.sweeper.minutes={minutes:.3f}"]
    ending = _run(table, [*train, "trainer.device=cuda", *logger, *overrides], clock)
    if ending != "done":
        return ending
    status = subprocess.run([sys.executable, "scripts/table.py", table, *overrides], cwd=ROOT, check=False)
    # No run failed, so that status 1 says that some are left.
    return {0: "done", 1: "stopped"}.get(status.returncode, "failed")


def _run(name: str, command: Sequence[str], clock: Clock) -> str:
    """How it ended: done, failed, stopped (by time) or not begun (too little time)."""
    if clock.left() < LEAST_S:
        return "not begun"
    say(f"== {name}, {clock.left() / 60:.1f} minutes left")
    # In a process group of its own, to be ended with all that it starts.
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, start_new_session=True)
    try:
        return "done" if process.wait(clock.left()) == 0 else "failed"
    except subprocess.TimeoutExpired:
        return "stopped"
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Where the process has not ended by itself, ask it and all that it started to, then kill what is left."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(KILL_AFTER_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
