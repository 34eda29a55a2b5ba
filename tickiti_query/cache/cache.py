"""What a worker keeps of what was read of the replica, bounded in bytes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache

from tickiti_query.cache.snapshot import Validator

# What an entry costs beside its payload: the key with its strings, the entry, the links of the cache.
# `python -m bench.memory` measures it.
OVERHEAD_BYTES = 3000


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the validator it was read under (None: nothing proves it), and when its time is up."""

    value: Any
    validator: Validator | None
    expires: float
    size: int


class Cache:
    """Holds values for `ttl_seconds`, `max_bytes` of them at the most; the least recently used goes first.

    In exact mode an entry counts only while its validator is the current one; otherwise until its TTL ends.
    Safe for threads. `events` counts by name: `hit`; `miss`, nothing there; `stale`, there and not proved;
    `unprovable`, there and nothing can be proved now; `store`; `evict`. `tell` hears of each,
    `observe_cache_bytes` of the bytes held after a change.
    """

    def __init__(
        self,
        *,
        ttl_seconds: float,
        max_bytes: int,
        exact: bool,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str, int], None] = lambda _event, _times: None,
        observe_cache_bytes: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self.enabled = ttl_seconds > 0 and max_bytes > 0
        self.events: Counter[str] = Counter()
        self._ttl = ttl_seconds
        self._exact = exact
        self._clock = clock
        self._tell = tell
        self._tell_held = observe_cache_bytes
        self._lock = threading.Lock()
        self._entries: TTLCache[Hashable, Entry] = TTLCache(
            maxsize=max_bytes, ttl=ttl_seconds, timer=clock, getsizeof=lambda entry: entry.size
        )

    @property
    def held_bytes(self) -> int:
        """How many bytes the entries take."""
        with self._lock:
            return int(self._entries.currsize)

    def find(self, key: Hashable, validator: Validator | None, *, again: bool = False) -> Entry | None:
        """The entry of `key`, if it is still true under the current `validator`. `again`: has been counted before."""
        if not self.enabled:
            return None
        with self._lock:
            try:
                entry = self._entries[key]
            except KeyError:
                entry = None
            event = self._judge(entry, validator)
            if not again:
                self._count(event)
            return entry if event == "hit" else None

    def _judge(self, entry: Entry | None, validator: Validator | None) -> str:
        if entry is None:
            return "miss"
        if self._exact and validator is None:
            return "unprovable"
        if entry.expires <= self._clock() or (self._exact and entry.validator != validator):
            return "stale"
        return "hit"

    def _count(self, event: str, times: int = 1) -> None:
        self.events[event] += times
        self._tell(event, times)

    def now(self) -> float:
        """The cache's clock, in seconds: the moment before a value is read, from which its time counts."""
        return self._clock()

    def store(self, key: Hashable, value: Any, payload_bytes: int, validator: Validator | None, read_at: float) -> bool:
        """Keep `value`, whose reading began at `read_at`.

        False where it may not be kept: nothing proves it, it is larger than the cache, its time is up already, or
        what is there was read later.
        """
        if not self.enabled or (self._exact and validator is None):
            return False
        size = payload_bytes + OVERHEAD_BYTES
        expires = read_at + self._ttl
        with self._lock:
            present = self._entries.get(key)
            outdated = expires <= self._clock() or (present is not None and present.expires > expires)
            if outdated or size > self._entries.maxsize:
                return False
            before = len(self._entries) - (key in self._entries)
            self._entries[key] = Entry(value, validator, expires, size)
            self._count("store")
            self._count("evict", before + 1 - len(self._entries))
            self._tell_held(int(self._entries.currsize))
        return True

    def seconds_left(self, entry: Entry) -> int:
        """How long the entry may still live, in whole seconds."""
        return max(0, int(entry.expires - self._clock()))
