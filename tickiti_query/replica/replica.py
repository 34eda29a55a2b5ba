"""The replica: connections to one server at a time, its state, and work that is done in one snapshot of it."""

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from time import monotonic
from typing import TypeVar, cast

import psycopg2
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import QueuePool

from tickiti_query.cache.snapshot import Server, Snapshot
from tickiti_query.model.errors import QueryTimeout, ReplicaUnavailable
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.background import close_result, run_in_background
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
# The end of a borrower's time, which SQLAlchemy's pool cannot hand to the function that opens a connection.
ENDS_AT: ContextVar[float] = ContextVar("ENDS_AT")
MOST_ATTEMPTS = 2  # at a reading that failed in a way that passes
OBSERVE_SECONDS = 3.0
OTHER_SERVER = "The connection leads to another server than the others of this worker."


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
        self._lock = threading.Lock()
        self._is_closed = False
        self._openings: list[Future[ReplicaConnection]] = []  # that no borrower waits for
        self._failure: BaseException | None = None  # of the last attempt to open a connection
        # A QueuePool without an Engine: the Engine's dialect would read a new server's settings outside our deadline.
        self._queue = QueuePool(
            lambda: cast("DBAPIConnection", self._open()),
            pool_size=size,
            max_overflow=0,
            timeout=0,  # requests wait for a slot of the concurrency limiter, and a slot comes with a connection
            use_lifo=True,  # the connection that was used last has the most statements prepared
            reset_on_return=None,  # transactions end themselves; end_transaction looks after those that failed
        )

    @contextmanager
    def connection(self, ends_at: float) -> Iterator[ReplicaConnection]:
        """Lend a connection until `ends_at` by the monotonic clock. Raise ReplicaUnavailable where there is none."""
        ENDS_AT.set(ends_at)
        try:
            loan = self._queue.connect()
        except NoFreeConnection:
            raise ReplicaUnavailable from None
        connection = cast("ReplicaConnection", loan.dbapi_connection)
        connection.ends_at = ends_at
        try:
            yield connection
        except BaseException:
            if not end_transaction(connection):
                connection.close()
                self._on_lost(self)
            raise
        finally:
            if connection.closed:
                loan.invalidate()  # the next borrower has another one opened
            loan.close()
            # Asked after the connection was returned: `close` sets this before it empties the pool.
            if self._is_closed:
                self.close()

    def _open(self) -> ReplicaConnection:
        """Return a new connection before the borrower's time is over. Raise ReplicaUnavailable.

        An attempt goes on when the borrower's time is over, and the next borrower waits for the same one.
        """
        with self._lock:
            opening = self._openings.pop() if self._openings else None
        if opening is not None and opening.done() and opening.exception():  # it failed while nobody waited
            self._failure, opening = opening.exception(), None
        if opening is None:
            opening = run_in_background(self._connect, "open-connection")
        if not wait([opening], max(0.0, ENDS_AT.get() - monotonic())).done:
            with self._lock:
                self._openings.append(opening)
            if self._is_closed:
                self.close()
            # The failure of the attempt before says more than that this one takes long.
            raise self._failure or ReplicaUnavailable(reason=TIMEOUT)
        self._failure = opening.exception()
        return opening.result()

    def _connect(self) -> ReplicaConnection:
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
        with self._lock:
            openings, self._openings = self._openings, []
        for opening in openings:
            opening.add_done_callback(close_result)


class Replica:
    """Read-only access to the hot standby, with a bound on connections and on time.

    `observe`, `read` and `ask` take the deadline of the request and keep a limit of their own within it. They raise
    ReplicaUnavailable or QueryTimeout where the replica cannot do what is asked.
    """

    def __init__(self, target: Target, *, connections: int, require_standby: bool = True) -> None:
        install_wait_callback()
        install_replacing_codecs()
        self._connections = connections
        self.longest_read_seconds = target.longest_read_seconds
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
                # Behind the handler, where nothing holds what the first attempt had read.
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
