"""A bounded pool of connections to one server's one life: the first lost connection ends it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy.pool import QueuePool

from tickiti_query.errors import ReplicaUnavailable
from tickiti_query.replica.connection import Host, Target, connect
from tickiti_query.replica.deadline import deadline, remaining_seconds
from tickiti_query.replica.faults import PoolerError
from tickiti_query.replica.sessions import Sessions
from tickiti_query.server_state import Server

WAIT_SECONDS = 2.0


class NoStandbyError(psycopg2.OperationalError):
    """The host answers, and is no standby though one is required."""


class OtherServerError(psycopg2.OperationalError):
    """The host answers, and is not the one that the pool's other connections lead to."""


class Pool:
    """At most `size` connections to one server, or to one pooler, each made ready.

    What is judged on one connection holds for the others: another host of the URL, or another life of the same one,
    is for another pool. So the first connection looks for a host, and the others follow it. `lose` hears of a
    connection that could not go back into the pool.
    """

    def __init__(
        self,
        target: Target,
        size: int,
        generation: int,
        sessions: Sessions,
        *,
        require_standby: bool,
        lose: Callable[["Pool"], None],
    ) -> None:
        self._hosts = list(target.list_hosts())
        self._lose = lose
        self._generation = generation
        self._sessions = sessions
        self._require_standby = require_standby
        self._server: Server | None = None
        self._meeting = threading.Lock()
        # Who has a place finds a connection, or room for one: QueuePool itself would wait by the wall clock.
        self._places = threading.BoundedSemaphore(size)
        self._waiting: list[None] = []  # its length is a count that threads can change without a lock
        # Nothing to reset: every transaction here ends itself, and what could not end is closed.
        self._pool = QueuePool(self._connect, pool_size=size, max_overflow=0, timeout=0, reset_on_return=None)

    def _connect(self) -> Any:
        return connect(self._hosts, self._examine)

    def _examine(self, connection: Any, host: Host) -> None:
        server, is_standby = self._sessions.meet(connection, self._generation)
        if self._require_standby and not is_standby:
            raise NoStandbyError
        with self._meeting:
            self._server = self._server or server
            if self._server != server:
                raise OtherServerError
            self._hosts = [host]

    @contextmanager
    def connection(self) -> Iterator[tuple[Any, Server]]:
        """A connection of this thread's, and the server at its other end. ReplicaUnavailable where none is."""
        with self._place(), self._borrow() as borrowed:
            yield borrowed

    @contextmanager
    def _place(self) -> Iterator[None]:
        self._waiting.append(None)
        try:
            is_free = self._places.acquire(timeout=max(0.0, min(WAIT_SECONDS, remaining_seconds())))
        finally:
            self._waiting.pop()
        if not is_free:
            raise ReplicaUnavailable
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _borrow(self) -> Iterator[tuple[Any, Server]]:
        try:
            fairy = self._pool.connect()
        except NoStandbyError as error:
            raise ReplicaUnavailable("No read replica answers; please try again.", check="standby") from error
        except PoolerError as error:
            raise ReplicaUnavailable(str(error)) from error
        except psycopg2.Error as error:
            raise ReplicaUnavailable from error
        assert self._server is not None  # noqa: S101  a connection has been examined
        try:
            yield fairy.dbapi_connection, self._server
        except BaseException:
            # Whatever went wrong, no half-finished work goes back into the pool.
            if not is_idle(fairy.dbapi_connection):
                fairy.invalidate()
                self._lose(self)
            raise
        finally:
            fairy.close()

    def count(self) -> tuple[int, int]:
        """How many connections are in use or being opened, and how many threads wait for one."""
        return self._pool.checkedout(), len(self._waiting)

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
