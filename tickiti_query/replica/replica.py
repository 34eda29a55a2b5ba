"""The replica: connections to one server at a time, its state, and work that is done in one snapshot of it."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from time import monotonic
from typing import TypeVar, cast

import psycopg2
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from tickiti_query.cache.snapshot import Server, Snapshot
from tickiti_query.model.errors import QueryTimeout, ReplicaUnavailable
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.background import LazyConnection
from tickiti_query.replica.connect_reasons import TIMEOUT
from tickiti_query.replica.connection import Host, Target, connect
from tickiti_query.replica.database_errors import (
    Ends,
    NoStandbyError,
    RefusalError,
    find_fault,
    is_lost,
    to_connect_error,
    to_query_error,
)
from tickiti_query.replica.encoding import install_replacing_codecs
from tickiti_query.replica.execution import ReplicaConnection, Transaction, deadline_from_now, install_wait_callback
from tickiti_query.replica.recovery import UNREADABLE, end_transaction, is_outdated, read_unconverted

T = TypeVar("T")
MOST_ATTEMPTS = 2  # at a reading that failed in a way that passes
OBSERVE_SECONDS = 3.0
OTHER_SERVER = "The connection leads to another server than the others of this worker."
GRACE_SECONDS = 1.0  # how much longer than statement_timeout the client waits


class Pool:
    """At most `size` connections to one server, or to one pooler.

    What is known of one connection's server holds for the others: the first connection chooses a host and an address of
    the URL, and the others go to the same. `on_lost` is called with the pool when a connection is lost.
    """

    def __init__(
        self, target: Target, size: int, generation: int, on_lost: Callable[["Pool"], None], *, require_standby: bool
    ) -> None:
        self._hosts = target.list_hosts()
        self._on_lost = on_lost
        self._generation = generation
        self._require_standby = require_standby
        self._server: Server | None = None
        self._lock, self._lending = threading.Lock(), threading.Lock()
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
    def connection(self, ends_at: float) -> Iterator[ReplicaConnection]:
        """Lend a connection until `ends_at` by the monotonic clock. Raise ReplicaUnavailable where there is none."""
        loan = self._lend()
        try:
            connection = find_open(loan) or find_lazy(loan).open(ends_at)
            connection.ends_at = ends_at
            try:
                yield connection
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

    def _lend(self) -> PoolProxiedConnection:
        """Return a loan, of an open connection where one is idle: another may take long to be opened."""
        passed: list[PoolProxiedConnection] = []
        with self._lending:  # nobody misses those that are passed over
            try:
                loan = self._queue.connect()
                while self._queue.checkedin() and find_open(loan) is None:
                    passed.append(loan)
                    loan = self._queue.connect()
            except NoFreeConnection:
                raise ReplicaUnavailable from None
            for each in passed:
                each.close()
        return loan

    def _open_connection(self) -> ReplicaConnection:
        """Return a new connection. Each address has a time of its own; no request waits for all of them."""
        try:
            return connect(self._hosts, deadline_from_now(math.inf), self._examine)
        except psycopg2.Error as error:
            raise to_connect_error(error) from error

    def _examine(self, connection: ReplicaConnection, host: Host) -> None:
        """Raise RefusalError where the server of a new connection is not the pool's."""
        is_standby = connection.identify(self._generation)
        if self._require_standby and not is_standby:
            raise NoStandbyError
        with self._lock:
            self._server = self._server or connection.server
            if self._server != connection.server:
                raise RefusalError(OTHER_SERVER)
            self._hosts = [host]

    def count_in_use(self) -> int:
        """Return the number of connections that are lent, open or being opened."""
        return self._queue.checkedout()

    def close(self) -> None:
        """Close the connections that are not in use now, and the others when they are returned."""
        self._is_closed = True
        self._queue.dispose()


def find_lazy(loan: PoolProxiedConnection) -> LazyConnection:
    """Return what SQLAlchemy's pool has lent."""
    return cast("LazyConnection", loan.dbapi_connection)


def find_open(loan: PoolProxiedConnection) -> ReplicaConnection | None:
    """Return the connection of a loan where it is open."""
    connection = find_lazy(loan).connection
    return None if connection is None or connection.closed else connection


class Replica:
    """Read-only access to the hot standby, with a bound on connections and on time.

    `observe`, `read` and `ask` take the deadline of the request and keep a limit of their own within it. They raise
    ReplicaUnavailable or QueryTimeout where the replica cannot do what is asked.
    """

    def __init__(self, target: Target, *, connections: int, require_standby: bool = True) -> None:
        install_wait_callback()
        install_replacing_codecs()
        self._connections = connections
        self.longest_read_seconds = target.statement_timeout_ms / 1000 + GRACE_SECONDS
        self._renewal = threading.Lock()
        # Each pool takes the place of the one before it when that is lost.
        self._pools = (
            Pool(target, connections, generation, self._renew, require_standby=require_standby)
            for generation in count(1)
        )
        self._pool = next(self._pools)

    def observe(self, deadline: Deadline, *, with_lag: bool = True) -> Snapshot:
        """Return the server's state now, read by one statement in a transaction of its own.

        The statement reads no table, so a timeout means that the server is not there: ReplicaUnavailable.
        """
        try:
            return self._use(lambda connection: connection.read_state(with_lag=with_lag), deadline, OBSERVE_SECONDS)
        except QueryTimeout as error:
            raise ReplicaUnavailable(reason=TIMEOUT, facts=error.facts) from error

    def read(self, work: Callable[[Transaction], T], deadline: Deadline) -> T:
        """Return the result of `work`, which is done in one read-only transaction.

        `work` may be done twice: it is retried once after a recovery conflict or a lost connection.
        """

        def work_in_transaction(connection: ReplicaConnection) -> T:
            transaction = connection.begin()
            result = work(transaction)
            transaction.end()
            return result

        return self._use(work_in_transaction, deadline, self.longest_read_seconds)

    def ask(self, statement: Statement, deadline: Deadline) -> tuple[Server, list[Row]]:
        """Return the server, and all rows of one statement that comes again and again, in one round trip."""
        return self._use(lambda connection: connection.ask(statement), deadline, self.longest_read_seconds)

    def _use(self, work: Callable[[ReplicaConnection], T], deadline: Deadline, seconds: float) -> T:
        ends_at = min(deadline.ends_at, monotonic() + seconds)
        for attempt in count(1):
            try:
                return self._use_once(work, ends_at)
            except psycopg2.Error as error:
                fault = find_fault(error)
                # Each connection has prepared statements of its own, and forgets them when one turns out to be stale.
                most = self._connections + 1 if fault.ends is Ends.STATEMENTS else MOST_ATTEMPTS
                if not fault.is_retried or attempt >= most or monotonic() >= ends_at:
                    raise to_query_error(error) from error
        raise AssertionError

    def _use_once(self, work: Callable[[ReplicaConnection], T], ends_at: float) -> T:
        pool = self._pool
        with pool.connection(ends_at) as connection:
            try:
                try:
                    return work(connection)
                except UNREADABLE:
                    if not end_transaction(connection):
                        raise
                    connection.ends_at = ends_at
                    return read_unconverted(work, connection)
            except psycopg2.Error as error:
                if is_lost(error, connection) or (find_fault(error).ends is Ends.SESSION and is_outdated(connection)):
                    self._renew(pool)
                raise

    def _renew(self, lost: Pool) -> None:
        """Replace a pool that lost a connection: its other connections are probably lost, and its proofs end."""
        with self._renewal:
            if self._pool is lost:
                self._pool = next(self._pools)
                lost.close()

    def leave(self) -> None:
        """Leave a server that is not fit to answer: the hosts of the URL are tried anew."""
        self._renew(self._pool)

    def count_connections(self) -> int:
        """Return the number of connections that are in use or being opened."""
        return self._pool.count_in_use()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._pool.close()
