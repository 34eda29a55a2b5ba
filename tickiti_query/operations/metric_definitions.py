"""The metrics of the service: their names, what they count, their labels. docs/metrics.md explains each."""

from prometheus_client import Counter, Gauge, Histogram

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
    "tickiti_query_pool_connections_in_use",
    "Connections to the replica that a request works with, or opens.",
)
ANSWER_BYTES = Gauge(
    "tickiti_query_answer_bytes",
    "Bytes of rows and answers under way: those that are read, rendered or sent.",
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
