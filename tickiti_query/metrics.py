"""What Prometheus is told. Workers write to files that each other can read; whichever is asked adds them up."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess

CACHE_EVENTS = Counter(
    "tickiti_query_cache_events",
    "What became of the look-ups in the cache, of grants and of answers: hit, miss, stale (the proof failed),"
    " unprovable (no proof was possible), store, evict.",
    ["event"],
)
CACHE_BYTES = Gauge(
    "tickiti_query_cache_bytes", "Bytes that the entries of the caches take.", multiprocess_mode="livesum"
)
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
    "Requests answered 503 overloaded, by what they waited for: queue (a thread), replica (a place among those that"
    " read it).",
    ["where"],
)
CUT = Counter(
    "tickiti_query_cut_connections",
    "Connections of clients that were too slow to send a request, or to take an answer.",
    ["what"],
)

COUNTS: dict[str, Counter] = {}  # finding a labelled child costs more than counting with it


def tell_cache(event: str, times: int, held_bytes: int) -> None:
    """Count an event of the cache, and say how much it holds."""
    count = COUNTS.get(event)
    if count is None:
        count = COUNTS[event] = CACHE_EVENTS.labels(event)
    count.inc(times)
    if event in {"store", "evict"}:
        CACHE_BYTES.set(held_bytes)


def tell_flight() -> None:
    """Count a request that joined a flight."""
    FLIGHT_WAITS.inc()


def tell_rate_limited(by: str) -> None:
    """Count a request that was over a rate."""
    RATE_LIMITED.labels(by).inc()


def tell_store_fault() -> None:
    """Count an attempt to reach the shared store that failed."""
    STORE_FAULTS.inc()


def tell_shed(where: str) -> None:
    """Count a request that was refused for want of room."""
    SHED.labels(where).inc()


def tell_cut(what: str) -> None:
    """Count a connection of a slow client that was ended."""
    CUT.labels(what).inc()


def render_metrics() -> bytes:
    """All metrics of all workers, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
