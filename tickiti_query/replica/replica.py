"""The replica as the service sees it: its state, and work done in one read-only snapshot of it."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import psycopg2

from tickiti_query.cache.snapshot import Server, Snapshot
from tickiti_query.model.deadline import Deadline
from tickiti_query.model.errors import QueryTimeout, ReplicaUnavailable
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.deadline import deadline, install_deadline, remaining_seconds
from tickiti_query.replica.faults import is_lost, is_passing, may_be_outdated, translate_fault
from tickiti_query.replica.pool import Pool
from tickiti_query.replica.sessions import choose_sessions
from tickiti_query.replica.transaction import Transaction

T = TypeVar("T")
NO_DEADLINE = Deadline(float("inf"), time.monotonic)
OBSERVE_SECONDS = 3.0
GRACE_SECONDS = 1.0  # how much longer than the server's own limit the client waits


class Replica:
    """Read-only access to the hot standby, bounded in connections and time.

    Every method raises ReplicaUnavailable or QueryTimeout where the replica cannot do what is asked.
    """

    def __init__(self, target: Target, *, connections: int, require_standby: bool = True) -> None:
        install_deadline()
        self._target = target
        self._sessions = choose_sessions(target)
        self._connections = connections
        self.longest_read_seconds = target.statement_timeout_ms / 1000 + GRACE_SECONDS
        self._renewing = threading.Lock()
        self._require_standby = require_standby
        self._generation = 0
        self._pool = self._make_pool()

    def observe(self, deadline: Deadline = NO_DEADLINE, *, with_lag: bool = True) -> Snapshot:
        """What the server says of itself now; one statement, in a transaction of its own.

        It reads no table: a server that is late with it is not there.
        """
        try:
            return self._use(
                partial(self._sessions.observe, with_lag=with_lag),
                deadline.within(OBSERVE_SECONDS).remaining_seconds,
            )
        except QueryTimeout as error:
            raise ReplicaUnavailable from error

    def read(self, work: Callable[[Transaction], T], deadline: Deadline = NO_DEADLINE) -> T:
        """What `work` makes of one snapshot.

        `work` may run twice: a recovery conflict or a lost connection is tried once more while time is left.
        """

        def in_transaction(connection: Any, server: Server) -> T:
            with connection.cursor() as cursor:
                transaction = self._sessions.begin(cursor, server)
                result = work(transaction)
                transaction.end()
                return result

        return self._use(in_transaction, deadline.within(self.longest_read_seconds).remaining_seconds)

    def ask(self, statement: Statement, deadline: Deadline = NO_DEADLINE) -> tuple[Server, list[Row]]:
        """What one statement says that is asked again and again: one round trip, one snapshot."""
        return self._use(
            partial(self._sessions.ask, statement=statement),
            deadline.within(self.longest_read_seconds).remaining_seconds,
        )

    def _use(self, work: Callable[[Any, Server], T], seconds: float) -> T:
        with deadline(seconds):
            try:
                return self._use_once(work)
            except psycopg2.Error as error:
                if not is_passing(error) or remaining_seconds() <= 0:
                    raise translate_fault(error) from error
            try:
                return self._use_once(work)
            except psycopg2.Error as error:
                raise translate_fault(error) from error

    def _use_once(self, work: Callable[[Any, Server], T]) -> T:
        pool = self._pool
        with pool.connection() as (connection, server):
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
            lose=self._renew,
        )

    def _renew(self, lost: Pool) -> None:
        """Leave a pool whose server lost a connection: its others are as good as lost, and so are its proofs."""
        with self._renewing:
            if self._pool is lost:
                self._pool = self._make_pool()
                lost.close()

    def leave(self) -> None:
        """Leave the server, which has turned out unfit: the hosts of the URL are tried anew."""
        self._renew(self._pool)

    def count_connections(self) -> tuple[int, int]:
        """How many connections are in use or being opened, and how many threads wait for one."""
        return self._pool.count()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._pool.close()
