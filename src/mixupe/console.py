"""What is said to whoever watches: all of it goes through the logger `mixupe`, whose handler prints with rich.

A program that uses this package may add handlers of its own or set the level, as with any logger.
"""

import functools
import logging
import sys

from rich.console import Console

from mixupe import torchrun

CONSOLE = Console(stderr=False, highlight=False, soft_wrap=True)
LOG = logging.getLogger("mixupe")


class _Printed(logging.Handler):
    """Plain lines above the bars, errors on standard error. Of the processes of one run, only the first prints."""

    def emit(self, record: logging.LogRecord) -> None:
        if torchrun.rank() != 0:
            return
        if record.levelno >= logging.ERROR:
            print(record.getMessage(), file=sys.stderr, flush=True)  # noqa: T201 - the one place that does
        else:
            CONSOLE.print(record.getMessage(), markup=False)


def say(text: str) -> None:
    """One line."""
    LOG.info("%s", text)


@functools.cache
def say_once(text: str) -> None:
    """As `say`, but a text that this process has said before is not repeated."""
    say(text)


def warn(text: str, of: str = "") -> None:
    """One line of what is not as it should be but stops nothing; `of` is the title of the run that it is about."""
    LOG.warning("%swarning: %s", f"{of}: " if of else "", text)


@functools.cache
def warn_once(text: str) -> None:
    """As `warn`, but a text that this process has said before is not repeated."""
    warn(text)


def complain(text: str) -> None:
    """One line on standard error."""
    LOG.error("%s", text)


if not LOG.handlers:
    LOG.addHandler(_Printed())
    LOG.setLevel(logging.INFO)
    LOG.propagate = False  # Hydra and notebooks have handlers at the root, which would say all of it again
