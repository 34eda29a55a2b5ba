"""The addresses of host names (DNS): looked up in the background, within a time of their own, and kept for a while.

libpq resolves a name in a call that ignores our deadline and blocks gevent's event loop.
"""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial

import psycopg2
from cachetools import TTLCache

from tickiti_query.replica.background import run_in_background
from tickiti_query.replica.database_errors import DeadlinePassed

LOOK_UP_SECONDS = 2.0  # the longest wait for the name servers
FRESH_SECONDS = 5.0  # how long a result is used without asking them again
KEPT_SECONDS = 300.0  # how long a result is used where they do not answer
SILENT_SECONDS = 300.0  # how long an address that did not answer comes after the others
MOST_SILENT = 1000
LookUp = Callable[[str], list[str]]


def look_up_host(name: str) -> list[str]:
    """Return the addresses of a name in the system's order. Raise OSError."""
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "this is no host name") from error
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class AddressBook:
    """The addresses of names. Safe for threads: those that need one name at the same time share a look-up."""

    def __init__(self, look_up: LookUp = look_up_host, clock: Callable[[], float] = time.monotonic) -> None:
        self._look_up = look_up
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[list[str], float]] = {}
        self._pending: dict[str, Future[list[str]]] = {}
        self._silent: TTLCache[str, bool] = TTLCache(MOST_SILENT, SILENT_SECONDS, clock)

    def find(self, name: str, seconds: float = LOOK_UP_SECONDS) -> list[str]:
        """Return the addresses of a name, those that were silent lately last. Raise psycopg2.OperationalError."""
        with self._lock:
            addresses, when = self._known.get(name, ([], 0.0))
            age = self._clock() - when
            if addresses and age < FRESH_SECONDS:
                return self._sort(addresses)
            pending = self._pending.get(name)
            if pending is None:
                pending = self._pending[name] = run_in_background(partial(self._ask, name), "look-up")
        is_ended = bool(wait([pending], min(seconds, LOOK_UP_SECONDS)).done)
        error = pending.exception() if is_ended else None
        if is_ended and error is None:
            return self._sort(pending.result())
        is_answered = is_ended and getattr(error, "errno", None) != socket.EAI_AGAIN  # maybe: no such name
        if addresses and age < KEPT_SECONDS and not is_answered:
            return self._sort(addresses)
        if not is_ended:
            raise DeadlinePassed(f'the look-up of host name "{name}" took too long')
        reason = getattr(error, "strerror", error)
        raise psycopg2.OperationalError(f'could not translate host name "{name}" to address: {reason}')

    def note_silent(self, address: str) -> None:
        """Note an address that did not answer in time."""
        with self._lock:
            self._silent[address] = True

    def _sort(self, addresses: list[str]) -> list[str]:
        return sorted(addresses, key=self._silent.__contains__)

    def _ask(self, name: str) -> list[str]:
        """Ask the name servers. A result that comes too late for its caller is kept for the next one."""
        try:
            addresses = self._look_up(name)
            self._known[name] = (addresses, self._clock())
            return addresses
        finally:
            with self._lock:
                del self._pending[name]


ADDRESSES = AddressBook()  # of this process
