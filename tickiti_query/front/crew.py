"""The threads of a worker, and the requests that queue for them."""

import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from tickiti_query.admission.bulkhead import Bulkhead
from tickiti_query.front.waiting import Waiting

STUCK_SECONDS = 0.005  # who is longer with a request waits for something

log = logging.getLogger("tickiti_query.front")


class Task:
    """One request of a connection, in a thread."""

    __slots__ = ("connection",)

    def __init__(self, connection: Any) -> None:
        self.connection = connection


class Crew:
    """Takes up requests in the order in which they came. Safe for threads.

    One thread runs: the interpreter has room for no more, and what queues meanwhile shares its next proof. One that is
    inside the bulkhead, or stuck, waits more than it works, and another one runs in its stead: hits are answered while
    the replica is slow. While it is quick a few are enough inside, and whoever comes out takes up the next. `threads`
    may be stuck at a time; as many as that and those inside are started when needed.
    """

    def __init__(self, serve: Callable[[Any], None], threads: int, queue_seconds: float) -> None:
        self._serve = serve
        self._threads = threads
        self._lock = threading.Lock()
        # A ThreadPoolExecutor makes a Future for each request, which takes longer than to look an answer up.
        self._calls: SimpleQueue[Task | None] = SimpleQueue()
        self._idle = 0
        self._started = 0
        self._queue = Waiting(queue_seconds)
        self._busy = 0  # threads with a request
        self._running: dict[Task, float] = {}  # what they do that are not inside the bulkhead, and since when
        self._own = threading.local()
        self._bulkhead = Bulkhead(places=0)

    def follow(self, bulkhead: Bulkhead) -> None:
        """Let another thread run for each one that enters the bulkhead."""
        self._bulkhead = bulkhead
        bulkhead.tell_entered, bulkhead.tell_left = self._step_aside, self._step_back

    def enter(self, connection: Any) -> None:
        """Let a thread serve it, in its turn."""
        with self._lock:
            self._queue.enter(connection)
            self._call_in()

    def __len__(self) -> int:
        """How many wait for a thread."""
        return len(self._queue)

    def runs(self) -> bool:
        """Whether a thread works, and does not wait for anything."""
        now = time.monotonic()
        return any(now - since < STUCK_SECONDS for since in list(self._running.values()))

    def list_late(self, now: float) -> list[Any]:
        """Those that no thread took up in time; they wait no more."""
        with self._lock:
            self._call_in()  # who runs may be stuck by now
            return list(self._queue.list_late(now))

    def shutdown(self, wait: bool = False) -> None:  # noqa: ARG002  gunicorn's way to end a pool
        """Let the threads end that have nothing to do. The others end with the process."""
        for _ in range(self._started):
            self._calls.put(None)

    def _call_in(self) -> None:
        task = self._take()
        if task is None:
            return
        if self._idle <= 0:
            self._start()
        self._idle -= 1
        self._calls.put(task)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"crew {self._started + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # there may be no more of them; the next that is done is for this task
            if not self._started:
                raise
        else:
            self._started += 1
            self._idle += 1

    def _take(self) -> Task | None:
        """The next request, for a thread that may run; None where there is none, or another one runs."""
        if not self._queue or self.runs() or self._busy - self._bulkhead.inside >= self._threads:
            return None
        if self._bulkhead.frees_soon():
            return None
        task = Task(self._queue.take())
        self._busy += 1
        self._running[task] = time.monotonic()
        return task

    def _work(self) -> None:
        while (task := self._calls.get()) is not None:
            while task is not None:
                task = self._serve_one(task)

    def _serve_one(self, task: Task) -> Task | None:
        """Serve a request; the next one for this thread, or None."""
        self._own.task = task
        try:
            self._serve(task.connection)
        except Exception:  # who waits for this thread must not wait for ever
            log.exception("unforeseen error")
        with self._lock:
            self._running.pop(task, None)
            self._busy -= 1
            following = self._take()
            self._idle += following is None
            return following

    def _step_aside(self) -> None:
        with self._lock:
            self._running.pop(self._own.task, None)
            self._call_in()

    def _step_back(self) -> None:
        self._running[self._own.task] = time.monotonic()
