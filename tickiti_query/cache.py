"""The TTL cache: what was read of the replica, under the validator that proves it, bounded in bytes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache

from tickiti_query.server_state import Validator

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
    Safe for threads. `events` counts hits, misses, stale entries (found, and not proved), stores and evictions.
    """

    def __init__(
        self,
        *,
        ttl_seconds: float,
        max_bytes: int,
        exact: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.enabled = ttl_seconds > 0 and max_bytes > 0
        self.events: Counter[str] = Counter()
        self._ttl = ttl_seconds
        self._exact = exact
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: TTLCache[Hashable, Entry] = TTLCache(
            maxsize=max_bytes, ttl=ttl_seconds, timer=clock, getsizeof=lambda entry: entry.size
        )

    @property
    def held_bytes(self) -> int:
        """How many bytes the entries take."""
        with self._lock:
            return int(self._entries.currsize)

    def find(self, key: Hashable, validator: Validator | None) -> Entry | None:
        """The entry of `key`, if it is still true under the current `validator`."""
        if not self.enabled:
            return None
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self.events["miss"] += 1
            elif self._exact and (validator is None or entry.validator != validator):
                self.events["stale"] += 1
                entry = None
            else:
                self.events["hit"] += 1
            return entry

    def store(self, key: Hashable, value: Any, payload_bytes: int, validator: Validator | None) -> bool:
        """Keep `value`; False where it may not be kept: nothing proves it, or it is larger than the cache."""
        if not self.enabled or (self._exact and validator is None):
            return False
        size = payload_bytes + OVERHEAD_BYTES
        with self._lock:
            if size > self._entries.maxsize:
                return False
            before = len(self._entries) - (key in self._entries)
            self._entries[key] = Entry(value, validator, self._clock() + self._ttl, size)
            self.events["store"] += 1
            self.events["evict"] += before + 1 - len(self._entries)
        return True

    def seconds_left(self, entry: Entry) -> int:
        """How long the entry may still live, in whole seconds."""
        return max(0, int(entry.expires - self._clock()))
