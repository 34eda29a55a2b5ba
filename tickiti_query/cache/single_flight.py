"""Single flight: callers that need the same work at the same time share one run of it."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from tickiti_query.model.request import Deadline

T = TypeVar("T")
ALWAYS = float("-inf")  # `since` of a caller for whom any run under way is good enough


class Run:
    """One run of some work, and its outcome once it has ended. `began_at` is None while callers gather for it.

    `ended` is made for the first caller who waits: many runs have none, and an event costs more than all the rest here.
    """

    __slots__ = ("began_at", "ended", "failure", "result")

    def __init__(self) -> None:
        self.began_at: float | None = None
        self.ended: threading.Event | None = None
        self.result: Any = None
        self.failure: Exception | None = RuntimeError("the run was broken off")

    def make_event(self) -> threading.Event:
        """Return the event of its end, for one more caller who waits."""
        self.ended = self.ended or threading.Event()
        return self.ended


class SingleFlight:
    """Shares runs of work by key, as group commit does. Safe for threads; nothing is kept once a run has ended.

    `count_shared` is called for each caller that was served by another caller's run.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, count_shared: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self._count_shared = count_shared
        self._lock = threading.Lock()
        self._runs: dict[Hashable, Run] = {}
        self._following: dict[Hashable, Run] = {}  # those that begin when the run under way has ended

    def share(self, key: Hashable, work: Callable[[], T], *, since: float, deadline: Deadline) -> T:
        """Return the result of a run that began after `since`: the one under way, else a run of this caller's.

        Callers for whom the run under way began too early share the one that follows it; the first of them leads it.
        Raises what the run raised, and TimeoutError where another caller's run outlasts the deadline.
        """
        while True:
            with self._lock:
                runs, before = self._runs, None
                run = runs.get(key)
                # Moments that look equal may be in either order.
                if run is not None and run.began_at is not None and run.began_at <= since:
                    runs, before = self._following, run.make_event()
                    run = runs.get(key)
                if run is None:
                    run, ended = runs.setdefault(key, Run()), None
                else:
                    ended = run.make_event()
            if ended is None:
                self._lead(key, run, work, before, deadline)
            elif not ended.wait(deadline.remaining_seconds):
                raise TimeoutError
            elif run.began_at is None:  # its leader gave up
                continue
            else:
                self._count_shared()
            try:
                if run.failure is not None:
                    raise run.failure
                result: T = run.result
            finally:
                del run  # or a failure and its frames hold each other, and with them the rows that were read
            return result

    def _lead(
        self, key: Hashable, run: Run, work: Callable[[], Any], before: threading.Event | None, deadline: Deadline
    ) -> None:
        """Run the work for this caller and all who join, once the run before it has ended."""
        try:
            if before is not None and not before.wait(deadline.remaining_seconds):
                raise TimeoutError
            time.sleep(0)  # callers that are ready to ask do so now, and join
            run.began_at = self._clock()
            run.result, run.failure = work(), None
        except Exception as failure:
            run.failure = failure
        finally:  # also where the leader is killed: nobody must wait for ever
            with self._lock:
                following = self._following.pop(key, None)
                if following is None:
                    del self._runs[key]
                elif following is not run:  # else this one gave up before its turn
                    self._runs[key] = following
            if run.ended is not None:
                run.ended.set()
            del run  # as in `share`
