"""A connection pool for one life of one server. The first lost connection ends the pool."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import QueuePool

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.deadline import Deadline
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.replica.connection import ReplicaConnection, Target, connect
from tickiti_query.replica.database_errors import NoStandbyError, OtherServerError, to_connect_error
from tickiti_query.replica.host_addresses import Host
from tickiti_query.replica.sessions import Sessions

ROLLBACK_SECONDS = 1.0


class LazyConnection:
    """A connection that its first borrower opens, within the borrower's deadline.

    SQLAlchemy's pool creates what it lends without arguments, and so could not pass the deadline on.
    """

    def __init__(self, open_connection: Callable[[Deadline], ReplicaConnection]) -> None:
        self._open_connection = open_connection
        self._connection: ReplicaConnection | None = None

    def open(self, deadline: Deadline) -> ReplicaConnection:
        """Return the open connection with the borrower's deadline. Raise ReplicaUnavailable."""
        if self._connection is None or self._connection.closed:
            self._connection = self._open_connection(deadline)
        self._connection.deadline = deadline
        return self._connection

    def close(self) -> None:
        """Close the connection if it is open."""
        if self._connection is not None:
            self._connection.close()


class Pool:
    """At most `size` connections to one server, or to one pooler.

    What is known of one connection's server holds for the others: the first connection chooses a host and an address of
    the URL, and the others go to the same. `on_lost` is called with the pool when a connection is lost.
    """

    def __init__(
        self,
        target: Target,
        size: int,
        generation: int,
        sessions: Sessions,
        *,
        require_standby: bool,
        on_lost: Callable[["Pool"], None],
    ) -> None:
        self._hosts = list(target.list_hosts())
        self._on_lost = on_lost
        self._generation = generation
        self._sessions = sessions
        self._require_standby = require_standby
        self._server: Server | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        # A QueuePool without an Engine: the Engine's dialect would read a new server's settings outside our deadline.
        self._queue = QueuePool(
            lambda: cast("DBAPIConnection", LazyConnection(self._open_connection)),
            pool_size=size,
            max_overflow=0,
            timeout=0,  # requests wait for a slot of the concurrency limiter, and a slot comes with a connection
            use_lifo=True,  # the connection that was used last has the most statements prepared
            reset_on_return=None,  # transactions end themselves; end_transaction looks after those that failed
        )

    @contextmanager
    def connection(self, deadline: Deadline) -> Iterator[tuple[ReplicaConnection, Server]]:
        """Lend a connection and the server that it leads to. Raise ReplicaUnavailable where there is none."""
        try:
            loan = self._queue.connect()
        except NoFreeConnection:
            raise ReplicaUnavailable from None
        try:
            connection = cast("LazyConnection", loan.dbapi_connection).open(deadline)
            assert self._server is not None  # noqa: S101  opening a connection has identified its server
            try:
                yield connection, self._server
            except BaseException:
                if not end_transaction(connection):
                    connection.close()
                    self._on_lost(self)
                raise
        finally:
            loan.close()
            # Asked after the connection was returned: `close` sets this before it empties the pool.
            if self._is_closed:
                self.close()

    def _open_connection(self, deadline: Deadline) -> ReplicaConnection:
        try:
            return connect(self._hosts, deadline, self._examine)
        except psycopg2.Error as error:
            raise to_connect_error(error) from error

    def _examine(self, connection: ReplicaConnection, host: Host) -> None:
        """Raise NoStandbyError or OtherServerError where the server of a new connection is not the pool's."""
        server, is_standby = self._sessions.identify(connection, self._generation)
        if self._require_standby and not is_standby:
            raise NoStandbyError
        with self._lock:
            self._server = self._server or server
            if self._server != server:
                raise OtherServerError
            self._hosts = [host]

    def count_in_use(self) -> int:
        """Return the number of connections that are lent, open or being opened."""
        return self._queue.checkedout()

    def close(self) -> None:
        """Close the connections that are not in use now, and the others when they are returned."""
        self._is_closed = True
        self._queue.dispose()


def end_transaction(connection: ReplicaConnection) -> bool:
    """Roll back what failed. Return false where the connection cannot be used any more."""
    if connection.closed:
        return False
    connection.deadline = connection.deadline.within(ROLLBACK_SECONDS)
    try:
        if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
    except psycopg2.Error:
        return False
    return bool(connection.info.transaction_status == TRANSACTION_STATUS_IDLE)
