"""Runs disturbed at an exact training step: by a signal, by the end of a time box, by death."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mixupe.experiment.run import request_run
from mixupe.experiment.settings import RunSettings
from mixupe.preemption import DEADLINE, listening
from mixupe.training.trainer import Trainer


@contextmanager
def after_step(step: int, happens: Callable[[], None]) -> Iterator[None]:
    """Something that happens after so many training steps of this process, which listens to signals."""
    train_step = Trainer._train_step
    steps = 0

    def counted(self: Trainer, *arguments: Any) -> Any:
        nonlocal steps
        result = train_step(self, *arguments)
        steps += 1
        if steps == step:
            happens()
        return result

    with pytest.MonkeyPatch.context() as patch, listening():
        patch.setattr(Trainer, "_train_step", counted)
        yield


def get(number: signal.Signals) -> Callable[[], None]:
    """This process gets that signal."""
    return lambda: os.kill(os.getpid(), number)


@contextmanager
def time_over_after_step(step: int) -> Iterator[None]:
    """A time box that is over after so many training steps."""
    with pytest.MonkeyPatch.context() as patch, after_step(step, lambda: patch.setenv(DEADLINE, "0")):
        yield


def killed(settings: RunSettings, step: int) -> None:
    """Run it in a child process that is gone after `step` training steps."""
    child = os.fork()
    if child == 0:
        try:
            with after_step(step, get(signal.SIGKILL)):
                request_run(settings)
        finally:
            os._exit(1)  # it came to its end alive
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
