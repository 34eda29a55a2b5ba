"""A bound on what waits for the replica, and on how much of it is one caller's."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from tickiti_query.errors import Overloaded

WAIT_SECONDS = 1.0  # how long a request may wait for a place
ROOM = 64  # how many may wait, for a place or for somebody else's equal request


class Shares:
    """`size` places, of which one holder may have half."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._share = max(1, size // 2)
        self._held: Counter[Hashable] = Counter()
        self.taken = 0

    def has_one_for(self, who: Hashable) -> bool:
        """Whether a place is free that `who` may have."""
        return self.taken < self._size and self._held[who] < self._share

    def take(self, who: Hashable) -> None:
        """Give `who` a place."""
        self.taken += 1
        self._held[who] += 1

    def leave(self, who: Hashable) -> None:
        """Take it back."""
        self.taken -= 1
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]


class Bulkhead:
    """Keeps requests that need the replica from taking every thread, and those of one caller from taking every place.

    A request that needs the replica is inside; to read, it takes one of `places`, for which it waits at most
    `wait_seconds`. `room` more than the places may be inside. Of both, a caller has half at the most.
    """

    def __init__(
        self,
        places: int,
        *,
        room: int = ROOM,
        wait_seconds: float = WAIT_SECONDS,
        tell_shed: Callable[[], None] = lambda: None,
    ) -> None:
        self._inside = Shares(places + room)
        self._reading = Shares(places)
        self._wait_seconds = wait_seconds
        self._tell_shed = tell_shed
        self._changed = threading.Condition()
        self.tell_entered: Callable[[], None] = lambda: None

    @property
    def inside(self) -> int:
        """How many requests are inside: threads that wait more than they work."""
        return self._inside.taken

    @contextmanager
    def enter(self, who: Hashable) -> Iterator[None]:
        """Be inside, as long as the block runs. Overloaded at once where there is no room."""
        with self._changed:
            if not self._inside.has_one_for(who):
                self._refuse()
            self._inside.take(who)
        self.tell_entered()
        try:
            yield
        finally:
            with self._changed:
                self._inside.leave(who)

    @contextmanager
    def place(self, who: Hashable) -> Iterator[None]:
        """Have a place, as long as the block runs. Overloaded where none comes free in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._reading.has_one_for(who), self._wait_seconds):
                self._refuse()
            self._reading.take(who)
        try:
            yield
        finally:
            with self._changed:
                self._reading.leave(who)
                self._changed.notify_all()

    def _refuse(self) -> None:
        self._tell_shed()
        raise Overloaded
