"""Opening connections in the background: opening one may take longer than the request that first needs it may wait."""

import threading
from collections.abc import Callable

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.request import Deadline
from tickiti_query.replica.connect_reasons import TIMEOUT
from tickiti_query.replica.execution import ReplicaConnection

OpenConnection = Callable[[], ReplicaConnection]  # raises ReplicaUnavailable


class Opening:
    """One attempt to open a connection, in a thread of its own, which is a greenlet in gevent's worker."""

    def __init__(self, open_connection: OpenConnection) -> None:
        self._open_connection = open_connection
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._connection: ReplicaConnection | None = None
        self.failure: Exception | None = None
        self.ended = threading.Event()
        threading.Thread(target=self._run, name="open-connection", daemon=True).start()

    def _run(self) -> None:
        try:
            connection = self._open_connection()
        except Exception as failure:  # which belongs to whoever waits
            self.failure = failure
        else:
            with self._lock:
                self._connection = connection
                if self._is_abandoned:
                    connection.close()
        finally:
            self.ended.set()

    def get(self) -> ReplicaConnection:
        """Return the connection of an attempt that has ended. Raise what it failed with."""
        if self.failure is not None:
            raise self.failure
        assert self._connection is not None  # noqa: S101  or it would have failed
        return self._connection

    def abandon(self) -> None:
        """Close the connection, now or when it is open: nobody waits for it any more."""
        with self._lock:
            self._is_abandoned = True
            if self._connection is not None:
                self._connection.close()


class LazyConnection:
    """A connection that is opened when it is first borrowed. One borrower has it at a time.

    SQLAlchemy's pool creates what it lends without arguments, and so could not pass a borrower's deadline on.
    """

    def __init__(self, open_connection: OpenConnection) -> None:
        self._open_connection = open_connection
        self._connection: ReplicaConnection | None = None
        self._opening: Opening | None = None
        self._failure: Exception | None = None  # of the last attempt

    @property
    def is_open(self) -> bool:
        """True where a borrower need not wait."""
        return self._connection is not None and not self._connection.closed

    def open(self, deadline: Deadline) -> ReplicaConnection:
        """Return the open connection with the borrower's deadline. Raise ReplicaUnavailable.

        An attempt goes on when the borrower's time is over, and the next borrower waits for the same one.
        """
        if self._connection is None or self._connection.closed:
            self._connection = self._wait(deadline)
        self._connection.deadline = deadline
        return self._connection

    def _wait(self, deadline: Deadline) -> ReplicaConnection:
        opening = self._opening
        if opening is not None and opening.failure is not None:  # while nobody waited
            self._failure, opening = opening.failure, None
        if opening is None:
            opening = self._opening = Opening(self._open_connection)
        if not opening.ended.wait(deadline.remaining_seconds):
            # The failure of the attempt before says more than that this one takes long.
            raise self._failure or ReplicaUnavailable(reason=TIMEOUT)
        self._opening, self._failure = None, opening.failure
        return opening.get()

    def close(self) -> None:
        """Close the connection if it is open, or when it will be."""
        if self._opening is not None:
            self._opening.abandon()
            self._opening = None
        if self._connection is not None:
            self._connection.close()
