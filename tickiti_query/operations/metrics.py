"""Counting for Prometheus. Counters live in the memory of their worker, and depend on no file.

A hit takes a fraction of a millisecond, so what is written for one is little, and the children of a metric are
looked up once. `python -m bench.metrics` says what it costs.
"""

import platform
import threading
from collections import Counter as Counts
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, Metric, generate_latest

from tickiti_query import VERSION
from tickiti_query.model.errors import QueryError
from tickiti_query.model.request import RequestTrace
from tickiti_query.operations.metric_definitions import (
    ANSWER_BYTES,
    BUILD_INFO,
    CACHE_BYTES,
    CACHE_EVENTS,
    COLLATIONS_CHANGED,
    CUT,
    FLIGHT_WAITS,
    PHASE_SECONDS,
    POOL_IN_USE,
    RATE_LIMITED,
    READY,
    REPLICA_LAG,
    REPLICA_VERSION,
    REQUEST_SECONDS,
    REQUESTS,
    ROWS_READ,
    ROWS_RETURNED,
    SHED,
    SLOT_WAITING,
    SQL_SECONDS,
    STORE_FAULTS,
)
from tickiti_query.reporting.contract import CONTRACT_VERSION

PERSPECTIVES_NAMED = 50  # in each worker: labels are memory, here and in Prometheus


class BoundedNames:
    """Names for the first ids that come, and one name for all others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[int, str] = {}
        self._lock = threading.Lock()

    def find(self, number: int) -> str:
        """Return the name of an id: its digits, or `other`."""
        name = self._names.get(number)
        return name or self._add(number)

    def _add(self, number: int) -> str:
        with self._lock:
            if len(self._names) < self._most:
                self._names[number] = str(number)
            return self._names.get(number, "other")


_perspectives = BoundedNames(PERSPECTIVES_NAMED)


def name_perspective(status: int, trace: RequestTrace) -> str:
    """Return the perspective's label: its id, bounded; `all` for the stand-in of All; `none` where none was reached."""
    if trace.perspective_id is not None:
        return _perspectives.find(trace.perspective_id)
    return "all" if status == 200 and trace.rows is not None else "none"


@lru_cache(maxsize=4096)
def find_requests(status: int, error: str | None, cache_word: str | None, perspective: str) -> Counter:
    """Return the counter of one kind of answer."""
    return REQUESTS.labels(str(status), error or "", cache_word or "", perspective)


@cache
def find_costs(perspective: str) -> tuple[Histogram, Counter, Counter, Counter]:
    """Return a perspective's seconds of requests, rows returned, rows read and seconds of SQL."""
    return (
        REQUEST_SECONDS.labels(perspective),
        ROWS_RETURNED.labels(perspective),
        ROWS_READ.labels(perspective),
        SQL_SECONDS.labels(perspective),
    )


_auth, _proof, _sql, _render = (PHASE_SECONDS.labels(phase) for phase in ("auth", "proof", "sql", "render"))
_cache_events = {
    event: CACHE_EVENTS.labels(event) for event in ("hit", "miss", "stale", "unprovable", "store", "evict")
}


def observe_request(status: int, seconds: float, trace: RequestTrace) -> None:
    """Count an answer, and the time and rows that it took."""
    perspective = name_perspective(status, trace)
    find_requests(status, trace.error, trace.cache, perspective).inc()
    request_seconds, rows_returned, rows_read, sql_seconds = find_costs(perspective)
    request_seconds.observe(seconds)
    durations = trace.durations
    if "cache" in durations:
        _proof.observe(durations["cache"])
    if status == 200 and trace.rows:
        rows_returned.inc(trace.rows)
    if "sql" not in durations:
        return
    # Read for this request: only here was the token read too; a hit merely looks at the time.
    if "auth" in durations:
        _auth.observe(durations["auth"])
    _sql.observe(durations["sql"])
    sql_seconds.inc(durations["sql"])
    if "render" in durations:
        _render.observe(durations["render"])
        rows_read.inc(trace.rows or 0)


def count_shared_run() -> None:
    """Count a request that shared the run of an equal one."""
    FLIGHT_WAITS.inc()


def count_rate_limited(by: str) -> None:
    """Count a request that was over a rate."""
    RATE_LIMITED.labels(by).inc()


def count_store_fault() -> None:
    """Count an attempt to reach the shared store that failed."""
    STORE_FAULTS.inc()


def count_shed(where: str) -> None:
    """Count a request that was refused for want of room."""
    SHED.labels(where).inc()


def count_refusal(error: QueryError) -> None:
    """Count the answer to a request that the app has not seen."""
    find_requests(error.status, error.code, None, "none").inc()


def count_cut_connection(why: str) -> None:
    """Count a connection that was ended: `request`, `answer` or `idle`."""
    CUT.labels(why).inc()


class StateObserver:
    """Sets the metrics that are read from the parts of this worker when a page is asked for.

    Gauges that nobody has set say 0, and 0 would be good news; so what is not known is NaN.
    """

    def __init__(self) -> None:
        self._events: Counts[str] = Counts()  # as the last page told them

    def observe_cache(self, events: Mapping[str, int], held_bytes: int) -> None:
        """Count the cache's events since the last page, and set the bytes that it holds."""
        for event, count in events.items():
            _cache_events[event].inc(count - self._events[event])
        self._events.update({event: count - self._events[event] for event, count in events.items()})
        CACHE_BYTES.set(held_bytes)

    @staticmethod
    def observe_replica(lag_seconds: float, major: float) -> None:
        """Set an upper bound of the lag, and PostgreSQL's major version."""
        REPLICA_LAG.set(lag_seconds)
        REPLICA_VERSION.set(major)

    @staticmethod
    def observe_load(connections_in_use: int, slot_waiting: int, answer_bytes: int) -> None:
        """Set the connections in use, the requests that wait for a slot, and the bytes of answers under way."""
        POOL_IN_USE.set(connections_in_use)
        SLOT_WAITING.set(slot_waiting)
        ANSWER_BYTES.set(answer_bytes)


def observe_checks(checks: Mapping[str, str]) -> None:
    """Set the result of each readiness check: `ok`, `unknown`, or a sentence that says what is wrong."""
    for check, word in checks.items():
        READY.labels(check).set({"ok": 1.0, "unknown": float("nan")}.get(word, 0.0))


def observe_collations(changed: Sequence[str] | None) -> None:
    """Set the number of collations that have changed; None where it is not known."""
    COLLATIONS_CHANGED.set(float("nan") if changed is None else len(changed))


def observe_build(commit: str) -> None:
    """Set the labels that tell what runs."""
    BUILD_INFO.labels(VERSION, commit, str(CONTRACT_VERSION), platform.python_version()).set(1)


class LabelledCollector:
    """The metrics of this process, each with one more label."""

    def __init__(self, name: str, value: str) -> None:
        self._label = {name: value}

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with the label."""
        for metric in REGISTRY.collect():
            metric.samples = [sample._replace(labels={**sample.labels, **self._label}) for sample in metric.samples]
            yield metric


def render_metrics(worker: str | None = None) -> bytes:
    """Return the metrics of this worker in Prometheus' text format; `worker` is a label that tells it from others."""
    if worker is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(LabelledCollector("worker", worker))
    return generate_latest(registry)
