"""Work in the background: it may take longer than the request that first needs its result may wait."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from tickiti_query.replica.execution import ReplicaConnection

T = TypeVar("T")


def run_in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Return the result to come of `work`, which is done in a thread of its own: a greenlet in gevent's worker."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as failure:  # it is raised where the result is waited for
            result.set_exception(failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return result


def close_result(result: Future[ReplicaConnection]) -> None:
    """Close a connection that was opened in the background: nobody waits for it any more."""
    if result.exception() is None:
        result.result().close()
