"""Work in the background, such as opening a connection: it may take longer than a request may wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from time import monotonic
from typing import TypeVar

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.replica.connect_reasons import TIMEOUT
from tickiti_query.replica.execution import ReplicaConnection

T = TypeVar("T")


def run_in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Return the result to come of `work`, which is done in a thread of its own: a greenlet in gevent's worker."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as failure:  # which belongs to whoever waits
            result.set_exception(failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return result


class LazyConnection:
    """A connection that is opened when it is first borrowed. One borrower has it at a time.

    SQLAlchemy's pool creates what it lends without arguments, and so could not pass a borrower's time limit on.
    `open_connection` raises ReplicaUnavailable. `connection` is None until it was opened once, and may be closed.
    """

    def __init__(self, open_connection: Callable[[], ReplicaConnection]) -> None:
        self._open_connection = open_connection
        self.connection: ReplicaConnection | None = None
        self._opening: Future[ReplicaConnection] | None = None
        self._failure: BaseException | None = None  # of the last attempt

    def open(self, ends_at: float) -> ReplicaConnection:
        """Open the connection, and wait until `ends_at` by the monotonic clock. Raise ReplicaUnavailable.

        An attempt goes on when the borrower's time is over, and the next borrower waits for the same one.
        """
        opening = self._opening
        if opening is not None and opening.done() and opening.exception():  # it failed while nobody waited
            self._failure, opening = opening.exception(), None
        if opening is None:
            opening = self._opening = run_in_background(self._open_connection, "open-connection")
        if not wait([opening], max(0.0, ends_at - monotonic())).done:
            # The failure of the attempt before says more than that this one takes long.
            raise self._failure or ReplicaUnavailable(reason=TIMEOUT)
        self._opening, self._failure = None, opening.exception()
        self.connection = opening.result()
        return self.connection

    def close(self) -> None:
        """Close the connection if it is open, or when it will be."""
        if self._opening is not None:
            self._opening.add_done_callback(close_opened)
            self._opening = None
        if self.connection is not None:
            self.connection.close()


def close_opened(opening: Future[ReplicaConnection]) -> None:
    """Close the connection of an attempt that has ended: nobody waits for it any more."""
    if opening.exception() is None:
        opening.result().close()
