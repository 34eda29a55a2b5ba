"""Counters of this process, each of which begins anew when its window ends."""

import threading
import time

FEW = 1000  # counters that are not worth looking through


class Windows:
    """Counts by key, in windows that begin with a first count; asked as the storages of the limits library are.

    That library's own storage in memory starts a thread every hundredth of a second, for which a request waits.
    """

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, float]] = {}
        self._look_through_at = FEW
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    def incr(self, key: str, expiry: float) -> int:
        """One more for `key`, in a window of `expiry` seconds; how many that makes."""
        now = time.monotonic()  # a window does not last longer because the wall clock was set back
        with self._lock:
            count, end = self._windows.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                self._forget_ended(now)
            self._windows[key] = (count + 1, end)
        return count + 1

    def _forget_ended(self, now: float) -> None:
        if len(self._windows) >= self._look_through_at:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._look_through_at = max(FEW, 2 * len(self._windows))

    def get(self, key: str) -> int:
        """How many there are in the window that is running."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, as `time.time` tells it."""
        now = time.monotonic()
        return time.time() + self._windows.get(key, (0, now))[1] - now
