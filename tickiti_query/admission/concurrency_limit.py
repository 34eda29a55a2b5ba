"""The concurrency limit: how many requests may read the replica at once, and how many more may wait."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from tickiti_query.model.errors import Overloaded
from tickiti_query.model.request import Deadline

WAIT_SECONDS = 1.0  # how long a request may wait for a slot
QUEUE_SIZE = 64  # how many requests may wait, for a slot or for another caller's equal request


class CallerQuota:
    """A count of at most `size`, of which one caller may have half."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._quota = max(1, size // 2)
        self._count = 0
        self._counts: Counter[Hashable] = Counter()

    def add(self, caller: Hashable) -> bool:
        """Count one more for the caller. Return False, and count nothing, where it may have no more."""
        if self._count >= self._size or self._counts[caller] >= self._quota:
            return False
        self._count += 1
        self._counts[caller] += 1
        return True

    def remove(self, caller: Hashable) -> None:
        """Count one less for the caller."""
        self._count -= 1
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]


class ConcurrencyLimiter:
    """Limits the requests that need the replica, in all and for each caller.

    At most `slots` requests read the replica at once. At most `queue_size` more are admitted; they wait. One caller has
    at most half of the slots, and is at most half of all that are admitted. `count_shed` is called for each refusal.
    """

    def __init__(
        self,
        slots: int,
        *,
        queue_size: int = QUEUE_SIZE,
        wait_seconds: float = WAIT_SECONDS,
        count_shed: Callable[[], None] = lambda: None,
    ) -> None:
        self._admitted = CallerQuota(slots + queue_size)
        self._reading = CallerQuota(slots)
        self._wait_seconds = wait_seconds
        self._count_shed = count_shed
        self._lock = threading.Lock()
        # The callers that wait for a slot, the longest wait first; the event is set when a slot is given.
        self._queue: dict[threading.Event, Hashable] = {}

    def count_waiting(self) -> int:
        """Return the number of requests that wait for a slot."""
        return len(self._queue)

    @contextmanager
    def admit(self, caller: Hashable) -> Iterator[None]:
        """Admit the caller for the duration of the block. Raises Overloaded immediately when the queue is full."""
        with self._lock:
            if not self._admitted.add(caller):
                self._refuse()
        try:
            yield
        finally:
            with self._lock:
                self._admitted.remove(caller)

    @contextmanager
    def slot(self, caller: Hashable, deadline: Deadline) -> Iterator[None]:
        """Hold one of the slots for reading the replica for the duration of the block.

        A request waits in turn until a slot is free, at most `wait_seconds` and not beyond the deadline. Raises
        Overloaded when no slot became free in that time.
        """
        self._acquire(caller, deadline)
        try:
            yield
        finally:
            with self._lock:
                self._reading.remove(caller)
                self._give_free_slots()

    def _acquire(self, caller: Hashable, deadline: Deadline) -> None:
        with self._lock:
            if self._reading.add(caller):
                return
            has_slot = threading.Event()
            self._queue[has_slot] = caller
        if has_slot.wait(min(self._wait_seconds, deadline.remaining_seconds)):
            return
        with self._lock:
            if has_slot in self._queue:  # otherwise a slot was given after the wait had ended
                del self._queue[has_slot]
                self._refuse()

    def _give_free_slots(self) -> None:
        """Give the free slots to the requests that have waited longest and whose caller may have one."""
        for has_slot, caller in list(self._queue.items()):
            if self._reading.add(caller):
                del self._queue[has_slot]
                has_slot.set()

    def _refuse(self) -> None:
        self._count_shed()
        raise Overloaded
