"""A bound on what waits for the replica, and on how much of it is one caller's."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tickiti_query.admission.gate import Gate
from tickiti_query.model.errors import Overloaded

WAIT_SECONDS = 1.0  # how long a request may wait for a place
# While readings are quick, more threads inside than one that reads, one that runs and one on its way only take the
# interpreter's lock from each other.
QUICK_SECONDS, QUICK_INSIDE = 0.005, 3
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

    def count(self, who: Hashable) -> int:
        """How many `who` has."""
        return self._held[who]

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
    gate: Gate = field(default_factory=Gate)


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
        self._last: Hashable = None
        self._began_at = 0.0
        self._is_quick = False
        self.tell_entered: Callable[[], None] = lambda: None
        self.tell_left: Callable[[], None] = lambda: None

    @property
    def inside(self) -> int:
        """How many requests are inside: threads that wait more than they work."""
        return self._inside.taken

    def frees_soon(self) -> bool:
        """Whether another request had better wait outside, for one that will soon be done.

        The caller that reads has enough of them inside, the last reading was quick, and one has begun just now.
        """
        is_full = self._inside.count(self._last) >= min(QUICK_INSIDE, self._reading.share)
        return is_full and self._is_quick and time.monotonic() - self._began_at < QUICK_SECONDS

    @contextmanager
    def enter(self, who: Hashable) -> Iterator[None]:
        """Be inside, as long as the block runs. Overloaded at once where there is no room."""
        with self._lock:
            if not self._inside.has_one_for(who):
                self._refuse()
            self._inside.take(who)
            if self._reading.has_one_for(who):
                self._note_begin(who)
        try:
            self.tell_entered()
            yield
        finally:
            with self._lock:
                self._inside.leave(who)
            self.tell_left()

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
        began = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._is_quick = time.monotonic() - began < QUICK_SECONDS
                self._reading.leave(who)
                self._hand_on()

    def _wait(self, waiter: Waiter) -> None:
        if waiter.gate.wait(self._wait_seconds):
            return
        with self._lock:
            if waiter in self._queue:  # or it has been given a place this very moment
                self._queue.remove(waiter)
                self._refuse()

    def _note_begin(self, who: Hashable) -> None:
        self._last, self._began_at = who, time.monotonic()

    def _hand_on(self) -> None:
        """Give what is free to those who have waited longest: nobody is woken who would have to wait again."""
        for waiter in self._queue.copy():
            if self._reading.has_one_for(waiter.who):
                self._reading.take(waiter.who)
                self._note_begin(waiter.who)
                self._queue.remove(waiter)
                waiter.gate.open()

    def _refuse(self) -> None:
        self._tell_shed()
        raise Overloaded
