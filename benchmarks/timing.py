"""Contestants timed in turn, A B A B ..., so that whatever else the machine does slows all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from benchmarks.options import Options
from mixupe.console import say

# Rounds that are not timed. On a GPU kernels are compiled and chosen in the first.
WARM_UP = {"cpu": 1, "cuda": 2}


@dataclass(frozen=True)
class Spread:
    """A median with the least and the greatest of its repetitions."""

    median: float
    low: float
    high: float
    repetitions: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values), len(values))


def seconds(job: Callable[[], object], device: torch.device) -> float:
    """Wall-clock time of a job, with all that it leaves to the GPU: what somebody waits for."""
    synchronise(device)
    started = time.perf_counter()
    job()
    synchronise(device)
    return time.perf_counter() - started


def synchronise(device: torch.device) -> None:
    """Until the GPU has done all that was asked of it; nothing on a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(job: Callable[[], object], device: torch.device, times: int = 1) -> Callable[[], float]:
    """A contestant: does the job so many times and gives the `seconds` of all."""
    return lambda: seconds(lambda: [job() for _ in range(times)], device)


def interleaved(title: str, contestants: Mapping[str, Callable[[], float]], options: Options) -> dict[str, list[float]]:
    """What each contestant, called in turn, says it took, after rounds of warm-up; entry i of all lists is one round."""
    rounds = WARM_UP[options.device.type]
    times: dict[str, list[float]] = {name: [] for name in contestants}
    say(f"{title} ...")
    for number in range(rounds + options.repeat):
        for name, job in contestants.items():
            spent = job()
            if number >= rounds:
                times[name].append(spent)
    return times


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Of times measured in the same rounds: each round gives one ratio."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def medians(times: Mapping[str, Sequence[float]], jobs: int = 1) -> dict[str, float]:
    """Median milliseconds of each contestant for one of the `jobs` equal jobs it was timed with."""
    return {f"{name}, ms": 1000 * median(values) / jobs for name, values in times.items()}
