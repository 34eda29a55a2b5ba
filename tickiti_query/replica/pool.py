"""A bounded pool of connections to one server's one life: the first lost connection ends it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.deadline import deadline, remaining_seconds
from tickiti_query.replica.faults import PoolerError
from tickiti_query.replica.names import Host
from tickiti_query.replica.sessions import Sessions

WAIT_SECONDS = 2.0


class NoStandbyError(psycopg2.OperationalError):
    """The host answers, and is no standby though one is required."""

    def __init__(self) -> None:
        super().__init__("the server is a primary, and TICKITI_REQUIRE_STANDBY asks for a hot standby")


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
        # Who has a place finds a connection, or room for one. SQLAlchemy's QueuePool does more for each loan than a
        # hit has time for (bench/README.md), and waits by the wall clock.
        self._places = threading.BoundedSemaphore(size)
        # Threads change these without a lock: each change is one operation of the interpreter.
        self._idle: list[Any] = []  # the one that came back last is lent first: it has most prepared
        self._lent: list[None] = []
        self._waiting: list[None] = []
        self._is_closed = False

    def _examine(self, connection: Any, host: Host) -> None:
        server, is_standby = self._sessions.meet(connection, self._generation)
        if self._require_standby and not is_standby:
            raise NoStandbyError
        with self._meeting:
            self._server = self._server or server
            if self._server != server:
                raise OtherServerError
            self._hosts = [host]

    @contextlib.contextmanager
    def connection(self) -> Iterator[tuple[Any, Server]]:
        """A connection of this thread's, and the server at its other end. ReplicaUnavailable where none is."""
        self._wait_for_place()
        self._lent.append(None)
        try:
            connection = self._take()
            assert self._server is not None  # noqa: S101  a connection has been examined
            try:
                yield connection, self._server
            except BaseException:
                # Whatever went wrong, no half-finished work goes back into the pool.
                if not is_idle(connection):
                    connection.close()
                    self._lose(self)
                raise
            finally:
                self._give_back(connection)
        finally:
            self._lent.pop()
            self._places.release()

    def _wait_for_place(self) -> None:
        self._waiting.append(None)
        try:
            is_free = self._places.acquire(timeout=max(0.0, min(WAIT_SECONDS, remaining_seconds())))
        finally:
            self._waiting.pop()
        if not is_free:
            raise ReplicaUnavailable

    def _take(self) -> Any:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        try:
            return connect(self._hosts, self._examine)
        except NoStandbyError as error:
            raise ReplicaUnavailable("No read replica answers; please try again.", check="standby") from error
        except PoolerError as error:
            raise ReplicaUnavailable(str(error)) from error
        except psycopg2.Error as error:
            raise ReplicaUnavailable from error

    def _give_back(self, connection: Any) -> None:
        # Nothing to reset: every transaction here ends itself, and what could not end is closed.
        if not connection.closed:
            self._idle.append(connection)
        # Asked after it was put there: whoever closes the pool empties it after saying so.
        if self._is_closed:
            self.close()

    def count(self) -> tuple[int, int]:
        """How many connections are in use or being opened, and how many threads wait for one."""
        return len(self._lent), len(self._waiting)

    def close(self) -> None:
        """Close what is not in use; what is, closes when it comes back."""
        self._is_closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()


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
