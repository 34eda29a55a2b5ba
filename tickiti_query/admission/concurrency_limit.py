"""The concurrency limit: how many requests may read the replica at once, and how many more may wait."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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

    def allows(self, caller: Hashable) -> bool:
        """Return True if the caller may have one more."""
        return self._count < self._size and self._counts[caller] < self._quota

    def add(self, caller: Hashable) -> None:
        """Count one more for the caller."""
        self._count += 1
        self._counts[caller] += 1

    def remove(self, caller: Hashable) -> None:
        """Count one less for the caller."""
        self._count -= 1
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]


@dataclass(frozen=True, slots=True, eq=False)
class WaitingRequest:
    """A request that waits for a slot; `has_slot` is set when a slot is given to it."""

    caller: Hashable
    has_slot: threading.Event = field(default_factory=threading.Event)


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
        self._queue: list[WaitingRequest] = []

    def count_waiting(self) -> int:
        """Return the number of requests that wait for a slot."""
        return len(self._queue)

    @contextmanager
    def admit(self, caller: Hashable) -> Iterator[None]:
        """Admit the caller for the duration of the block. Raises Overloaded immediately when the queue is full."""
        with self._lock:
            if not self._admitted.allows(caller):
                self._refuse()
            self._admitted.add(caller)
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
            if self._reading.allows(caller):
                self._reading.add(caller)
                return
            request = WaitingRequest(caller)
            self._queue.append(request)
        if request.has_slot.wait(deadline.within(self._wait_seconds).remaining_seconds):
            return
        with self._lock:
            if request in self._queue:  # otherwise a slot was given after the wait had ended
                self._queue.remove(request)
                self._refuse()

    def _give_free_slots(self) -> None:
        """Give the free slots to the requests that have waited longest and whose caller may have one."""
        for request in self._queue.copy():
            if self._reading.allows(request.caller):
                self._reading.add(request.caller)
                self._queue.remove(request)
                request.has_slot.set()

    def _refuse(self) -> None:
        self._count_shed()
        raise Overloaded
