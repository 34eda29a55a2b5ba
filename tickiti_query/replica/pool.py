"""A bounded pool of connections to one server's one life: the first lost connection ends it."""

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


class Pool:
    """At most `size` connections, each set up to tell the server's state."""

    def __init__(self, target: Target, size: int, generation: int) -> None:
        self.generation = generation
        self._target = target
        # Nothing to reset: every transaction here ends itself, and what could not end is closed.
        self._pool = QueuePool(
            self._connect, pool_size=size, max_overflow=0, timeout=WAIT_SECONDS, reset_on_return=None
        )

    def _connect(self) -> Any:
        return connect(self._target)

    @contextmanager
    def connection(self) -> Iterator[tuple[Any, Server]]:
        """A connection of this thread's, and the server at its other end. ReplicaUnavailable where none is."""
        try:
            fairy = self._pool.connect()
        except (psycopg2.Error, exc.TimeoutError) as error:
            raise ReplicaUnavailable from error
        try:
            if "server" not in fairy.info:
                fairy.info["server"] = prepare(fairy.dbapi_connection, self.generation)
            yield fairy.dbapi_connection, fairy.info["server"]
        except BaseException:
            # Whatever went wrong, no half-finished work goes back into the pool.
            if not is_idle(fairy.dbapi_connection):
                fairy.invalidate()
            raise
        finally:
            fairy.close()

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
