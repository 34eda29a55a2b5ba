"""A bounded pool of connections to one server's one life: the first lost connection ends it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import exc
from sqlalchemy.pool import QueuePool

from tickiti_query.errors import ReplicaUnavailable
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.deadline import deadline
from tickiti_query.replica.state_statement import prepare
from tickiti_query.server_state import Server

WAIT_SECONDS = 2


class NoStandbyError(psycopg2.OperationalError):
    """The host answers, and is no standby though one is required."""


class OtherServerError(psycopg2.OperationalError):
    """The host answers, and is not the one that the pool's other connections lead to."""


class Pool:
    """At most `size` connections to one server, each set up to tell its state.

    What is judged on one connection holds for the others: another host of the URL, or another life of the same one,
    is for another pool.
    """

    def __init__(self, target: Target, size: int, generation: int, *, require_standby: bool) -> None:
        self._target = target
        self._generation = generation
        self._require_standby = require_standby
        self._server: Server | None = None
        self._meeting = threading.Lock()
        self._entering: list[None] = []  # its length is a count that threads can change without a lock
        # Nothing to reset: every transaction here ends itself, and what could not end is closed.
        self._pool = QueuePool(
            self._connect, pool_size=size, max_overflow=0, timeout=WAIT_SECONDS, reset_on_return=None
        )

    def _connect(self) -> Any:
        return connect(self._target, self._examine)

    def _examine(self, connection: Any) -> None:
        server, is_standby = prepare(connection, self._generation)
        if self._require_standby and not is_standby:
            raise NoStandbyError
        with self._meeting:
            self._server = self._server or server
            if self._server != server:
                raise OtherServerError

    @contextmanager
    def connection(self) -> Iterator[tuple[Any, Server]]:
        """A connection of this thread's, and the server at its other end. ReplicaUnavailable where none is."""
        self._entering.append(None)
        try:
            fairy = self._pool.connect()
        except NoStandbyError as error:
            raise ReplicaUnavailable("No read replica answers; please try again.", check="standby") from error
        except (psycopg2.Error, exc.TimeoutError) as error:
            raise ReplicaUnavailable from error
        finally:
            self._entering.pop()
        assert self._server is not None  # noqa: S101  a connection has been examined
        try:
            yield fairy.dbapi_connection, self._server
        except BaseException:
            # Whatever went wrong, no half-finished work goes back into the pool.
            if not is_idle(fairy.dbapi_connection):
                fairy.invalidate()
            raise
        finally:
            fairy.close()

    def count(self) -> tuple[int, int]:
        """How many connections are in use or being opened, and how many threads wait for one."""
        return self._pool.checkedout(), len(self._entering)

    def close(self) -> None:
        """Close what is not in use; what is, closes when it comes back."""
        self._pool.dispose()


def is_idle(connection: Any) -> bool:
    """Whether a connection is open and between transactions; one that failed in one is rolled back first."""
    if connection.closed:
        return False
    try:
        with deadline(1.0):
            if connection.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
                with connection.cursor() as cursor:
                    cursor.execute("ROLLBACK")
    except psycopg2.Error:
        return False
    return bool(connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE)
