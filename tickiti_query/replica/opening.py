"""Opening connections in the background: opening one may take longer than the request that first needs it may wait."""

from collections.abc import Callable
from concurrent.futures import Future, wait

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.request import Deadline
from tickiti_query.replica.background import run_in_background
from tickiti_query.replica.connect_reasons import TIMEOUT
from tickiti_query.replica.execution import ReplicaConnection


class LazyConnection:
    """A connection that is opened when it is first borrowed. One borrower has it at a time.

    SQLAlchemy's pool creates what it lends without arguments, and so could not pass a borrower's deadline on.
    `open_connection` raises ReplicaUnavailable.
    """

    def __init__(self, open_connection: Callable[[], ReplicaConnection]) -> None:
        self._open_connection = open_connection
        self._connection: ReplicaConnection | None = None
        self._opening: Future[ReplicaConnection] | None = None
        self._failure: BaseException | None = None  # of the last attempt

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
        if opening is not None and opening.done() and opening.exception():  # it failed while nobody waited
            self._failure, opening = opening.exception(), None
        if opening is None:
            opening = self._opening = run_in_background(self._open_connection, "open-connection")
        if not wait([opening], deadline.remaining_seconds).done:
            # The failure of the attempt before says more than that this one takes long.
            raise self._failure or ReplicaUnavailable(reason=TIMEOUT)
        self._opening, self._failure = None, opening.exception()
        return opening.result()

    def close(self) -> None:
        """Close the connection if it is open, or when it will be."""
        if self._opening is not None:
            self._opening.add_done_callback(close_opened)
            self._opening = None
        if self._connection is not None:
            self._connection.close()


def close_opened(opening: Future[ReplicaConnection]) -> None:
    """Close the connection of an attempt that has ended: nobody waits for it any more."""
    if opening.exception() is None:
        opening.result().close()
