"""A bound on what waits for the replica, and on how much of it is one caller's."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tickiti_query.model.errors import Overloaded

WAIT_SECONDS = 1.0  # how long a request may wait for a place
ROOM = 64  # how many may wait, for a place or for somebody else's equal request


class Shares:
    """`size` places, of which one holder may have half, its `share`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.share = max(1, size // 2)
        self._held: Counter[Hashable] = Counter()
        self.taken = 0

    def has_one_for(self, who: Hashable) -> bool:
        """Whether a place is free that `who` may have."""
        return self.taken < self._size and self._held[who] < self.share

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


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """One who waits for a place, at a gate that opens when it has one."""

    who: Hashable
    gate: threading.Event = field(default_factory=threading.Event)


class Bulkhead:
    """Keeps requests that need the replica from taking every thread, and those of one caller from taking every place.

    A request that needs the replica is inside; to read, it takes one of `places`, for which it waits at most
    `wait_seconds`, in its turn. `room` more than the places may be inside. Of both, a caller has half at the most.
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
        self._lock = threading.Lock()
        self._queue: list[Waiter] = []

    @contextmanager
    def enter(self, who: Hashable) -> Iterator[None]:
        """Be inside, as long as the block runs. Overloaded at once where there is no room."""
        with self._lock:
            if not self._inside.has_one_for(who):
                self._refuse()
            self._inside.take(who)
        try:
            yield
        finally:
            with self._lock:
                self._inside.leave(who)

    @contextmanager
    def place(self, who: Hashable) -> Iterator[None]:
        """Have a place, as long as the block runs. Overloaded where none comes free in time."""
        with self._lock:
            waiter = None if self._reading.has_one_for(who) else Waiter(who)
            if waiter is None:
                self._reading.take(who)
            else:
                self._queue.append(waiter)
        if waiter is not None:
            self._wait(waiter)
        try:
            yield
        finally:
            with self._lock:
                self._reading.leave(who)
                self._hand_on()

    def _wait(self, waiter: Waiter) -> None:
        if waiter.gate.wait(self._wait_seconds):
            return
        with self._lock:
            if waiter in self._queue:  # or it has been given a place this very moment
                self._queue.remove(waiter)
                self._refuse()

    def _hand_on(self) -> None:
        """Give what is free to those who have waited longest: nobody is woken who would have to wait again."""
        for waiter in self._queue.copy():
            if self._reading.has_one_for(waiter.who):
                self._reading.take(waiter.who)
                self._queue.remove(waiter)
                waiter.gate.set()

    def _refuse(self) -> None:
        self._tell_shed()
        raise Overloaded
