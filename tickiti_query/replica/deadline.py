"""The time limit of a thread's work on the replica, kept while libpq waits.

A server that is frozen cannot time out its own statements, and libpq would wait for it for ever. psycopg2 hands
every wait to `wait_for_server`, which gives up when the thread's deadline has passed.
"""

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions

_thread = threading.local()
WITHOUT_DEADLINE_SECONDS = 10.0
EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


class DeadlinePassed(psycopg2.OperationalError):
    """The server did not answer in time; the connection is of no further use."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give what this thread does on the replica at most `seconds`; an outer deadline stays in force."""
    before: float | None = getattr(_thread, "deadline", None)
    ours = time.monotonic() + seconds
    _thread.deadline = ours if before is None else min(ours, before)
    try:
        yield
    finally:
        _thread.deadline = before


def remaining_seconds() -> float:
    """What is left of this thread's deadline; 0 or less when it has passed."""
    end: float | None = getattr(_thread, "deadline", None)
    return WITHOUT_DEADLINE_SECONDS if end is None else end - time.monotonic()


def wait_for_server(connection: Any) -> None:
    """Wait until libpq is done, or until the deadline; psycopg2 calls it in place of its own waiting."""
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), EVENTS[state])
        if not poller.poll(max(0.0, remaining_seconds() * 1000)):
            raise DeadlinePassed("the server did not answer in time")


def install_deadline() -> None:
    """Make psycopg2 wait by deadline, in the whole process."""
    extensions.set_wait_callback(wait_for_server)
