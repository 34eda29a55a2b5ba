"""Waiting for the server until a deadline.

A frozen server does not enforce its own statement_timeout, and libpq would wait for it for ever. psycopg2 hands every
wait to `wait_for_server`, which stops waiting at the deadline of the connection.
"""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions

from tickiti_query.model.deadline import Deadline

FOREIGN_WAIT_SECONDS = 10.0  # the longest wait of a connection that has no deadline: one that is not of this service
EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


class DeadlinePassed(psycopg2.OperationalError):
    """The server did not answer in time; its connection cannot be used any more."""


def deadline_from_now(seconds: float) -> Deadline:
    """Return the deadline that ends in `seconds`, by the monotonic clock."""
    return Deadline(time.monotonic() + seconds, time.monotonic)


def wait_for_server(connection: Any) -> None:
    """Wait until libpq is done. Raise DeadlinePassed at the connection's deadline. psycopg2 calls this to wait."""
    deadline: Deadline | None = getattr(connection, "deadline", None)
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), EVENTS[state])
        seconds = FOREIGN_WAIT_SECONDS if deadline is None else deadline.remaining_seconds
        if not poller.poll(seconds * 1000):
            raise DeadlinePassed("the server did not answer in time")


def install_wait_callback() -> None:
    """Make every connection of this process wait by its deadline."""
    extensions.set_wait_callback(wait_for_server)
