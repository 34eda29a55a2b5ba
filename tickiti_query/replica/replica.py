"""The replica: its state, and work that is done in one snapshot of it."""

import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import psycopg2

from tickiti_query.cache.snapshot import Server, Snapshot
from tickiti_query.model.deadline import Deadline
from tickiti_query.model.errors import QueryTimeout, ReplicaUnavailable
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connect_reasons import TIMEOUT
from tickiti_query.replica.connection import ReplicaConnection, Target
from tickiti_query.replica.database_errors import (
    is_lost,
    is_worth_a_retry,
    may_be_outdated,
    to_query_error,
)
from tickiti_query.replica.pool import Pool
from tickiti_query.replica.sessions import choose_sessions
from tickiti_query.replica.transaction import Transaction
from tickiti_query.replica.waiting import install_wait_callback

T = TypeVar("T")
OBSERVE_SECONDS = 3.0
GRACE_SECONDS = 1.0  # how much longer than statement_timeout the client waits


class Replica:
    """Read-only access to the hot standby, with a bound on connections and on time.

    `observe`, `read` and `ask` take the deadline of the request and keep a limit of their own within it. They raise
    ReplicaUnavailable or QueryTimeout where the replica cannot do what is asked.
    """

    def __init__(self, target: Target, *, connections: int, require_standby: bool = True) -> None:
        install_wait_callback()
        self._target = target
        self._sessions = choose_sessions(target)
        self._connections = connections
        self.longest_read_seconds = target.statement_timeout_ms / 1000 + GRACE_SECONDS
        self._renewal = threading.Lock()
        self._require_standby = require_standby
        self._generation = 0
        self._pool = self._make_pool()

    def observe(self, deadline: Deadline, *, with_lag: bool = True) -> Snapshot:
        """Return the server's state now, read by one statement in a transaction of its own.

        The statement reads no table, so a timeout means that the server is not there: ReplicaUnavailable.
        """
        read_state = partial(self._sessions.read_state, with_lag=with_lag)
        try:
            return self._use(read_state, deadline.within(OBSERVE_SECONDS))
        except QueryTimeout as error:
            raise ReplicaUnavailable(reason=TIMEOUT) from error

    def read(self, work: Callable[[Transaction], T], deadline: Deadline) -> T:
        """Return the result of `work`, which is done in one read-only transaction.

        `work` may be done twice: it is retried once after a recovery conflict or a lost connection.
        """

        def work_in_transaction(connection: ReplicaConnection, server: Server) -> T:
            transaction = self._sessions.begin(connection, server)
            result = work(transaction)
            transaction.end()
            return result

        return self._use(work_in_transaction, deadline.within(self.longest_read_seconds))

    def ask(self, statement: Statement, deadline: Deadline) -> tuple[Server, list[Row]]:
        """Return the server, and all rows of one statement that comes again and again, in one round trip."""
        fetch = partial(self._sessions.fetch, statement=statement)
        return self._use(fetch, deadline.within(self.longest_read_seconds))

    def _use(self, work: Callable[[ReplicaConnection, Server], T], deadline: Deadline) -> T:
        try:
            return self._use_once(work, deadline)
        except psycopg2.Error as error:
            if not is_worth_a_retry(error) or not deadline.remaining_seconds:
                raise to_query_error(error) from error
        try:
            return self._use_once(work, deadline)
        except psycopg2.Error as error:
            raise to_query_error(error) from error

    def _use_once(self, work: Callable[[ReplicaConnection, Server], T], deadline: Deadline) -> T:
        pool = self._pool
        with pool.connection(deadline) as (connection, server):
            try:
                return work(connection, server)
            except psycopg2.Error as error:
                if is_lost(error, connection) or may_be_outdated(error):
                    self._renew(pool)
                raise

    def _make_pool(self) -> Pool:
        self._generation += 1
        return Pool(
            self._target,
            self._connections,
            self._generation,
            self._sessions,
            require_standby=self._require_standby,
            on_lost=self._renew,
        )

    def _renew(self, lost: Pool) -> None:
        """Replace a pool that lost a connection: its other connections are probably lost, and its proofs end."""
        with self._renewal:
            if self._pool is lost:
                self._pool = self._make_pool()
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
