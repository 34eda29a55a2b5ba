"""What Prometheus is told. Counters live in the memory of their worker, and depend on no file.

A hit takes a fraction of a millisecond, so what is written for one is little, and the children of a metric are
looked up once. `python -m bench.metrics` says what it costs.
"""

import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest

from tickiti_query import VERSION
from tickiti_query.model.errors import QueryError
from tickiti_query.query.request_trace import RequestTrace

PERSPECTIVES_NAMED = 50  # in each worker: labels are memory, here and in Prometheus
SECONDS_BETWEEN_LAGS = 1.0
# From a hit, half a millisecond, to the longest statement and the waiting before it.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter(
    "tickiti_query_requests",
    "Answers by HTTP status, code of the error, what the cache had (hit, miss, off), and perspective.",
    ["status", "error", "cache", "perspective"],
)
REQUEST_SECONDS = Histogram(
    "tickiti_query_request_seconds",
    "From the headers of a request to its answer, by perspective.",
    ["perspective"],
    buckets=BUCKETS,
)
PHASE_SECONDS = Histogram(
    "tickiti_query_phase_seconds",
    "Parts of that: proof (asking the replica whether answers still hold, or waiting for an equal request), and on"
    " a miss auth (reading the token), sql (perspective and rows), render (rows to JSON).",
    ["phase"],
    buckets=BUCKETS,
)
ROWS_RETURNED = Counter("tickiti_query_rows_returned", "Rows in answers.", ["perspective"])
ROWS_READ = Counter("tickiti_query_rows_read", "Rows that were read of the replica for answers.", ["perspective"])
SQL_SECONDS = Counter(
    "tickiti_query_sql_seconds",
    "Time that requests waited for the replica to find and send rows.",
    ["perspective"],
)
CACHE_EVENTS = Counter(
    "tickiti_query_cache_events",
    "What became of the look-ups in the cache, of grants and of answers: hit, miss, stale (the proof failed),"
    " unprovable (no proof was possible), store, evict.",
    ["event"],
)
CACHE_BYTES = Gauge("tickiti_query_cache_bytes", "Bytes that the entries of the caches take.")
FLIGHT_WAITS = Counter(
    "tickiti_query_flight_waits", "Requests that waited for an equal one instead of asking the replica."
)
RATE_LIMITED = Counter(
    "tickiti_query_rate_limited", "Requests answered 429, by what was over its rate: token, address.", ["by"]
)
STORE_FAULTS = Counter(
    "tickiti_query_rate_limit_store_faults", "Times that the rate limit's shared store did not answer."
)
SHED = Counter(
    "tickiti_query_shed",
    "Requests and connections answered 503 overloaded, by what was full: replica (the slots to read it), connections.",
    ["where"],
)
CUT = Counter(
    "tickiti_query_cut_connections",
    "Connections that were ended, by why: request (too slow to send one), answer (too slow to take one), idle (to make"
    " room for a new one).",
    ["what"],
)

POOL_IN_USE = Gauge(
    "tickiti_query_pool_connections_in_use",
    "Connections to the replica that a request works with, or opens.",
)
SLOT_WAITING = Gauge(
    "tickiti_query_slot_waiting",
    "Requests that wait for one of the slots for reading the replica.",
)
REPLICA_LAG = Gauge(
    "tickiti_query_replica_lag_seconds",
    "Upper bound of the replica's lag when it was last asked; +Inf where nothing bounds it, NaN before the first time.",
)
REPLICA_VERSION = Gauge(
    "tickiti_query_replica_major_version",
    "PostgreSQL's major version on the replica; NaN before it was asked.",
)
READY = Gauge(
    "tickiti_query_ready",
    "What the last readiness check found, by check: 1 well, 0 failed, NaN not looked at behind one that failed.",
    ["check"],
)
BUILD_INFO = Gauge(
    "tickiti_query_build_info",
    "1; the labels say which version runs on which Python.",
    ["version", "python"],
)


class BoundedNames:
    """Names for the first ids that come, and one name for all others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[int, str] = {}
        self._lock = threading.Lock()

    def find(self, number: int) -> str:
        """The name of an id: its digits, or `other`."""
        name = self._names.get(number)
        return name or self._add(number)

    def _add(self, number: int) -> str:
        with self._lock:
            if len(self._names) < self._most:
                self._names[number] = str(number)
            return self._names.get(number, "other")


_perspectives = BoundedNames(PERSPECTIVES_NAMED)


def name_perspective(status: int, trace: RequestTrace) -> str:
    """Its id, bounded; `all` for the All that stands in where the replica has none; `none`: none was reached."""
    if trace.perspective_id is not None:
        return _perspectives.find(trace.perspective_id)
    return "all" if status == 200 and trace.rows is not None else "none"


@lru_cache(maxsize=4096)
def find_requests(status: int, error: str | None, cache_word: str | None, perspective: str) -> Counter:
    """The counter of one kind of answer."""
    return REQUESTS.labels(str(status), error or "", cache_word or "", perspective)


@cache
def find_costs(perspective: str) -> tuple[Histogram, Counter, Counter, Counter]:
    """Of one perspective: seconds of requests, rows returned, rows read, seconds of SQL."""
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
    if trace.render_seconds is not None:
        _render.observe(trace.render_seconds)
        rows_read.inc(trace.rows or 0)


def count_cache_event(event: str, times: int) -> None:
    """Count an event of the cache."""
    _cache_events[event].inc(times)


def observe_cache_bytes(held_bytes: int) -> None:
    """Say how much the cache holds."""
    CACHE_BYTES.set(held_bytes)


def count_shared_run() -> None:
    """Count a request that joined a flight."""
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


class LagObserver:
    """Tells the lag when the replica is asked, which every request does, and so only now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = float("-inf")
        REPLICA_LAG.set(float("nan"))  # a gauge that nobody has set says 0, and 0 would be good news
        REPLICA_VERSION.set(float("nan"))

    def __call__(self, lag_seconds: float | None, major: int) -> None:
        """Tell a reading: an upper bound, None for none, and PostgreSQL's major version."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + SECONDS_BETWEEN_LAGS
        REPLICA_LAG.set(float("inf") if lag_seconds is None else lag_seconds)
        REPLICA_VERSION.set(major)


def observe_pool(in_use: int) -> None:
    """Set the number of this worker's connections that are in use."""
    POOL_IN_USE.set(in_use)


def observe_slot_waiting(waiting: int) -> None:
    """Set the number of requests that wait for a slot of the concurrency limiter."""
    SLOT_WAITING.set(waiting)


def observe_checks(checks: Mapping[str, str]) -> None:
    """Say what the readiness checks found: of each its name, and `ok`, `unknown` or what is the matter."""
    for check, word in checks.items():
        READY.labels(check).set({"ok": 1.0, "unknown": float("nan")}.get(word, 0.0))


def observe_build() -> None:
    """Say what runs here."""
    BUILD_INFO.labels(VERSION, platform.python_version()).set(1)


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
