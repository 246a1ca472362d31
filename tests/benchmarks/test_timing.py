"""Contestants take turns."""

from collections.abc import Callable

import pytest

from benchmarks.options import Options
from benchmarks.timing import Spread, interleaved, medians, ratio, timed


def test_contestants_take_turns_after_a_warm_up_that_does_not_count(options: Options) -> None:
    order: list[str] = []

    def contestant(name: str) -> Callable[[], float]:
        def job() -> float:
            order.append(name)
            return float(len(order))

        return job

    times = interleaved("test", {"a": contestant("a"), "b": contestant("b")}, options)
    assert "".join(order) == "ababab"
    assert times == {"a": [3, 5], "b": [4, 6]}


def test_each_round_gives_one_ratio() -> None:
    assert ratio([2, 9, 8], [1, 3, 2]) == Spread(median=3, low=2, high=4, repetitions=3)


def test_a_contestant_does_its_job_that_often(options: Options) -> None:
    done: list[int] = []
    assert timed(lambda: done.append(1), options.device, times=4)() >= 0
    assert len(done) == 4


def test_medians_are_milliseconds_of_one_job() -> None:
    assert medians({"ours": [0.1, 0.2, 0.4]}, jobs=10) == {"ours, ms": pytest.approx(20)}
