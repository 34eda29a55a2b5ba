"""The cache of a worker: what was read from the replica, with what proves it, bounded in bytes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from cachetools import TLRUCache

from tickiti_query.cache.snapshot import Snapshot, SnapshotId

# What an entry costs beside its payload: the key with its strings, the entry, the links of the cache.
# `python -m bench.memory` measures it.
OVERHEAD_BYTES = 3000


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the validator it was read under (None: nothing proves it), and when it ends on the cache's clock."""

    value: Any
    validator: SnapshotId | None
    ends_at: float
    size: int


class Cache:
    """Values for `ttl_seconds` from before they were read, `max_bytes` at most; the least recently used go first.

    A value that would take more than a quarter of the bytes is not kept: it would drive out too many others.

    In exact mode an entry counts only while its validator is the current one; otherwise until its time ends. Safe for
    threads. `events` counts by name: `hit`; `miss`, nothing there; `stale`, there and not proved; `unprovable`, there
    and nothing can be proved now; `store`; `evict`.
    """

    def __init__(
        self, *, ttl_seconds: float, max_bytes: int, exact: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.enabled = ttl_seconds > 0 and max_bytes > 0
        self.events: Counter[str] = Counter()
        self.clock = clock
        self._ttl = ttl_seconds
        self._exact = exact
        self._lock = threading.Lock()
        self._entries: TLRUCache[Hashable, Entry] = TLRUCache(
            maxsize=max_bytes,
            ttu=lambda _key, entry, _now: entry.ends_at,
            timer=clock,
            getsizeof=lambda entry: entry.size,
        )

    @property
    def held_bytes(self) -> int:
        """The bytes that the entries take."""
        with self._lock:
            return int(self._entries.currsize)

    def find(self, key: Hashable, snapshot: Snapshot, *, again: bool = False) -> Entry | None:
        """Return the entry of `key` if the current `snapshot` proves it. `again`: this look-up was counted before."""
        if not self.enabled:
            return None
        with self._lock:
            try:
                entry: Entry | None = self._entries[key]  # `get` looks for the key twice
            except KeyError:
                entry = None
            if entry is None:
                event = "miss"
            elif not self._exact or entry.validator == snapshot.snapshot_id:
                event = "hit"
            else:
                event = "unprovable" if snapshot.validator is None else "stale"
            if not again:
                self.events[event] += 1
            return entry if event == "hit" else None

    def store(
        self, key: Hashable, value: Any, payload_bytes: int, validator: SnapshotId | None, read_at: float
    ) -> bool:
        """Keep `value`, whose reading began at `read_at` by the cache's clock; return True where it was kept.

        It is not kept where nothing proves it, where it is larger than a quarter of the cache, where its time has ended
        already, or where the present entry was read later.
        """
        if not self.enabled or (self._exact and validator is None):
            return False
        size = payload_bytes + OVERHEAD_BYTES
        ends_at = read_at + self._ttl
        with self._lock:
            present = self._entries.get(key)
            is_outdated = ends_at <= self.clock() or (present is not None and present.ends_at > ends_at)
            if is_outdated or size > self._entries.maxsize // 4:
                return False
            before = len(self._entries) - (present is not None)
            self._entries[key] = Entry(value, validator, ends_at, size)
            self.events["store"] += 1
            self.events["evict"] += before + 1 - len(self._entries)
        return True

    def seconds_left(self, entry: Entry) -> int:
        """Return the whole seconds that the entry may still live."""
        return max(0, int(entry.ends_at - self.clock()))
