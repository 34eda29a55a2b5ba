"""The metrics of the service, which docs/metrics.md explains. They live in the memory of their worker, and in no file.

A hit takes a fraction of a millisecond, so what is written for one is little, and the children of a metric are
looked up once. `python -m bench.metrics` says what it costs.
"""

import platform
import threading
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric, generate_latest

from tickiti_query import VERSION
from tickiti_query.model.request import RequestTrace
from tickiti_query.reporting.contract import CONTRACT_VERSION

PERSPECTIVES_NAMED = 50  # in each worker: labels are memory, here and in Prometheus
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
    "tickiti_query_sql_seconds", "Time that requests waited for the replica to find and send rows.", ["perspective"]
)
CACHE_EVENTS = Counter(
    "tickiti_query_cache_events",
    "What became of the look-ups in the cache, of tokens and of answers: hit, miss, stale (the proof failed),"
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
    "Requests and connections answered 503 overloaded, by what was full: replica (the slots to read it), memory (the"
    " budget of answers under way), connections.",
    ["where"],
)
CUT = Counter(
    "tickiti_query_cut_connections",
    "Connections that were ended, by why: request (too slow to send one), answer (too slow to take one), idle (to make"
    " room for a new one).",
    ["what"],
)

POOL_IN_USE = Gauge(
    "tickiti_query_pool_connections_in_use", "Connections to the replica that a request works with, or opens."
)
ANSWER_BYTES = Gauge(
    "tickiti_query_answer_bytes", "Bytes of rows and answers under way: those that are read, rendered or sent."
)
SLOT_WAITING = Gauge("tickiti_query_slot_waiting", "Requests that wait for one of the slots for reading the replica.")
REPLICA_LAG = Gauge(
    "tickiti_query_replica_lag_seconds",
    "Upper bound of the replica's lag when it was last asked; +Inf where nothing bounds it, NaN before the first time.",
)
REPLICA_VERSION = Gauge(
    "tickiti_query_replica_major_version", "PostgreSQL's major version on the replica; NaN before it was asked."
)
READY = Gauge(
    "tickiti_query_ready",
    "What the last readiness check found, by check: 1 well, 0 failed, NaN not looked at behind one that failed.",
    ["check"],
)
COLLATIONS_CHANGED = Gauge(
    "tickiti_query_collations_changed",
    "Collations of which the server has another version than indexes were made with; NaN where the last readiness check"
    " did not come so far.",
)
BUILD_INFO = Gauge(
    "tickiti_query_build_info",
    "1; the labels say which version and commit runs, of which reporting contract, on which Python.",
    ["version", "commit", "contract_version", "python"],
)


_names: dict[int, str] = {}  # of the perspectives that came first
_naming = threading.Lock()


def name_perspective(status: int, trace: RequestTrace) -> str:
    """Return the perspective's label: its id, `other` beyond the first, `all` for the stand-in of All, or `none`."""
    number = trace.perspective_id
    if number is None:
        return "all" if status == 200 and trace.rows is not None else "none"
    name = _names.get(number)
    if name is None:
        with _naming:
            if len(_names) < PERSPECTIVES_NAMED:
                _names[number] = str(number)
        name = _names.get(number, "other")
    return name


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


class CacheEvents:
    """Counts the events of a cache. Each is there from the start, with a count of none."""

    def __init__(self) -> None:
        self._counted = dict.fromkeys(("hit", "miss", "stale", "unprovable", "store", "evict"), 0)
        for event in self._counted:
            CACHE_EVENTS.labels(event)

    def count(self, events: Mapping[str, int]) -> None:
        """Count what was added since the last call; `events` has the sums of all time."""
        for event, number in events.items():
            CACHE_EVENTS.labels(event).inc(number - self._counted[event])
            self._counted[event] = number


def observe_checks(checks: Mapping[str, str]) -> None:
    """Set the result of each readiness check: `ok`, `unknown`, or a sentence that says what is wrong."""
    for check, word in checks.items():
        READY.labels(check).set({"ok": 1.0, "unknown": float("nan")}.get(word, 0.0))


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
    return generate_latest(REGISTRY if worker is None else LabelledCollector("worker", worker))
