"""The cached plans of a worker, bounded in bytes."""

import threading
from collections.abc import Hashable

from cachetools import LRUCache

from tickiti_query.cache.cache import OVERHEAD_BYTES
from tickiti_query.query.cached_plan import CachedPlan


class PlanCache:
    """The plans of the questions that were asked last, at most `max_bytes` of them. Safe for threads.

    No plan is an answer: the replica tells each time whether its preconditions still hold.
    """

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._plans: LRUCache[Hashable, CachedPlan] = LRUCache(max_bytes, lambda plan: plan.size + OVERHEAD_BYTES)

    def get(self, key: Hashable) -> CachedPlan | None:
        """Return the plan of a question, or None."""
        with self._lock:
            return self._plans.get(key)

    def put(self, key: Hashable, plan: CachedPlan) -> None:
        """Keep a plan, unless it is larger than all plans together may be."""
        with self._lock:
            if plan.size + OVERHEAD_BYTES <= self._plans.maxsize:
                self._plans[key] = plan

    def drop(self, key: Hashable) -> None:
        """Forget a plan."""
        with self._lock:
            self._plans.pop(key, None)
