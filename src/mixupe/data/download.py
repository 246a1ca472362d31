"""Network access that gives up quickly."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def offline_after(seconds: float) -> Iterator[None]:
    """Inside, a connection that does not answer within that time is an error instead of a hang."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
