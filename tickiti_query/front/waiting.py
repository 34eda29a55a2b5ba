"""Connections that wait, and for how long yet."""

import time
from collections.abc import Iterator
from typing import Any


class Waiting:
    """Connections that wait for the same thing, each for at most `seconds`; in the order in which they came."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines: dict[Any, float] = {}

    def __contains__(self, connection: Any) -> bool:
        return connection in self._deadlines

    def __iter__(self) -> Iterator[Any]:
        return iter(self._deadlines)

    def __len__(self) -> int:
        return len(self._deadlines)

    def enter(self, connection: Any) -> None:
        """Begin to wait, if it has not."""
        self._deadlines.setdefault(connection, time.monotonic() + self._seconds)

    def leave(self, connection: Any) -> None:
        """Wait no more, if it does."""
        self._deadlines.pop(connection, None)

    def take(self) -> Any:
        """Who has waited longest, who waits no more."""
        first = next(iter(self._deadlines))
        del self._deadlines[first]
        return first

    def list_late(self, now: float) -> Iterator[Any]:
        """Those whose time is up; each is gone from here."""
        while self._deadlines:
            first = next(iter(self._deadlines))
            if self._deadlines[first] > now:
                return
            yield self.take()
