"""Fixed windows: counters of this process, each of which begins anew when its window ends."""

import threading
import time
from collections.abc import Callable

from limits.storage import Storage

CLEANUP_SIZE = 1000  # with fewer counters than this, a search for ended ones is not worth its time


class FixedWindowStorage(Storage):
    """Counters by key, in windows that begin with a first count and end by the monotonic clock.

    The MemoryStorage of the limits library starts a thread every 10 ms, and its windows end by the wall clock: a minute
    lasts two hours when that clock is set back.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}  # the count, and the end on the clock
        self._cleanup_size = CLEANUP_SIZE
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """No exceptions: nothing here can fail."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of `key`, in a window of `expiry` seconds. Return the new count."""
        now = self._clock()
        with self._lock:
            count, end = self._windows.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                self._remove_ended(now)
            self._windows[key] = (count + amount, end)
        return count + amount

    def _remove_ended(self, now: float) -> None:
        if len(self._windows) >= self._cleanup_size:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._cleanup_size = max(CLEANUP_SIZE, 2 * len(self._windows))

    def get(self, key: str) -> int:
        """Return the count of `key` in its current window."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """Return the end of the window of `key`, as seconds since the epoch; now, where there is no window."""
        now = self._clock()
        return time.time() + self._windows.get(key, (0, now))[1] - now

    def check(self) -> bool:
        """Return True: memory always answers."""
        return True

    def reset(self) -> int:
        """Remove all counters. Return how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows = {}
        return count

    def clear(self, key: str) -> None:
        """Remove the counter of `key`."""
        with self._lock:
            self._windows.pop(key, None)
