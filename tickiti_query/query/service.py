"""One request, from top to bottom: rate limit, snapshot, proved answer; else admission, one reading for all, rendering.

rate limit     may this caller ask?                              429
snapshot       what does the replica show now?                   503
look up        is there an answer that this snapshot proves?     401, 403, 422; a hit ends here
admit          is there room?                                    503
share          does an equal request read already?
read           token, perspective and rows in one snapshot       401, 403, 415, 400, 422, 404, 501, 503, 504
collect        rows become bytes, part by part                   503
store          the bytes are kept under their proof
hold           the bytes count until they are sent               503
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from cachetools.keys import hashkey

from tickiti_query.admission.concurrency_limit import ConcurrencyLimiter
from tickiti_query.admission.memory_budget import Hold, MemoryBudget
from tickiti_query.admission.rate_limit import RateLimiter
from tickiti_query.cache.cache import Cache
from tickiti_query.cache.freshness import Freshness
from tickiti_query.cache.single_flight import ALWAYS, SingleFlight
from tickiti_query.cache.snapshot import Snapshot, SnapshotId, is_behind
from tickiti_query.model.errors import QueryTimeout, RateLimited, Unauthenticated
from tickiti_query.model.request import Answer, RateLimitStatus, Request, RequestTrace
from tickiti_query.model.token import AuthenticatedToken
from tickiti_query.query.reader import Authorize, Reader, Reading, ReadRequest

# What the key of an entry holds beside its fixed parts; `python -m bench.memory` measures it.
BYTES_PER_QUEUE = 40
BYTES_PER_CRITERION = 400

SENT_AT_ONCE_BYTES = 64 * 1024  # an answer up to this size leaves in one piece


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how it came to be: `cache_status` is the header of RFC 9211.

    `ignored` holds the paths of the fields in the body that the service does not know. `hold` is released when the
    answer is sent; None for a small one.
    """

    answer: Answer
    cache_status: str
    ignored: tuple[str, ...]
    hold: Hold | None


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """The answer of one run, for all requests that share it, with the snapshot that it is of.

    `is_provable`: a snapshot id proves it, so that a run under way is good enough.
    """

    answer: Answer
    token: AuthenticatedToken
    is_stored: bool
    snapshot_id: SnapshotId
    is_provable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketQueryService:
    """Answers requests. `find_proved_answer` comes first; where it finds none, `read_answer` goes on from there."""

    rate_limiter: RateLimiter | None
    freshness: Freshness
    cache: Cache
    authorize: Authorize
    concurrency_limiter: ConcurrencyLimiter
    single_flight: SingleFlight
    memory_budget: MemoryBudget
    reader: Reader

    def find_proved_answer(self, request: Request, trace: RequestTrace) -> tuple[Snapshot, Reply | None]:
        """Return what the replica shows now, and the cached answer that it proves, or None.

        Raises RateLimited, which asks nothing of the replica; ReplicaUnavailable; Unauthenticated and Forbidden where
        the token has expired or the address is not allowed; and what is wrong with the body.
        """
        if self.rate_limiter is not None:
            fingerprint = request.credentials.fingerprint
            note_rate_limit(self.rate_limiter.check(fingerprint, request.address), trace)
        trace.stages.append(("cache", perf_counter()))
        snapshot = self.freshness.read_snapshot(request.received_at, request.deadline)
        trace.stages.append((None, perf_counter()))
        return snapshot, self._find(request, trace, snapshot)

    def has_plan(self, request: Request) -> bool:
        """Return True where an equal request was read before, so that it can be read again in one round trip."""
        return self.reader.has_plan(request)

    def read_answer(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> Reply:
        """Return the answer to a request for which `snapshot` proves none in the cache. Raises QueryError."""
        try:
            with self.concurrency_limiter.admit(request.credentials):
                return self._share(request, trace, snapshot)
        except Unauthenticated:
            self._count_failure(request, trace)
            raise

    def _find(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> Reply | None:
        found = self.cache.find(request.credentials, snapshot)
        if found is None:
            return None
        token: AuthenticatedToken = found.value
        trace.user_id = token.actor.user.id
        trace.stages.append(("auth", perf_counter()))
        try:
            actor = self.authorize(token, request.address)
        except Unauthenticated:
            self._count_failure(request, trace)
            raise
        trace.stages.append((None, perf_counter()))
        query = request.query
        entry = self.cache.find(hashkey(actor, query), snapshot)
        if entry is None:
            return None
        answer: Answer = entry.value
        trace.cache, trace.rows, trace.perspective_id = "hit", answer.rows, answer.perspective_id
        hold = self._hold(request, answer, is_new=False)
        return Reply(answer, f"tickiti-query; hit; ttl={self.cache.seconds_left(entry)}", query.ignored, hold)

    def _count_failure(self, request: Request, trace: RequestTrace) -> None:
        """Count a token that is not valid. Raises RateLimited where its address has sent too many."""
        trace.stages.append((None, perf_counter()))
        if self.rate_limiter is not None:
            fingerprint = request.credentials.fingerprint
            note_rate_limit(self.rate_limiter.count_failure(fingerprint, request.address), trace)

    def _share(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> Reply:
        """Return the answer of one run for all equal requests; they have the same token and the same address."""
        trace.cache = "miss" if self.cache.enabled else "off"
        began = perf_counter()

        def work() -> SharedAnswer:
            # The wait for a run that began too early.
            trace.stages += [("cache", began), (None, perf_counter())]
            return self._find_stored(request, snapshot) or self._read(request, trace, snapshot)

        is_provable = self.cache.enabled and self.reader.is_provable(request)
        proof = snapshot.validator if is_provable else None
        shared = self._share_run(request, work, proof, since=request.received_at if proof is None else ALWAYS)
        if trace.rows is None and not is_as_new(shared, snapshot, proof):
            proof = None
            shared = self._share_run(request, work, proof, since=request.deadline.clock())
        if trace.rows is None:  # another request's run: all of the time was waiting
            trace.stages += [("cache", began), (None, perf_counter())]
            if proof is None:
                self.freshness.accept(shared.snapshot_id, snapshot, request.deadline)
        self.authorize(shared.token, request.address)  # the token may have expired since the run began
        answer = shared.answer
        trace.user_id, trace.rows = shared.token.actor.user.id, answer.rows
        trace.perspective_id = answer.perspective_id
        status = "fwd=miss; stored" if shared.is_stored else "fwd=miss"
        cache_status = f"tickiti-query; {status if self.cache.enabled else 'fwd=bypass'}"
        hold = self._hold(request, answer, is_new=True)
        return Reply(answer, cache_status, request.query.ignored, hold)

    def _hold(self, request: Request, answer: Answer, *, is_new: bool) -> Hold | None:
        """Count an answer until it is sent; a small one leaves at once. Raises Overloaded where there is no room."""
        if len(answer.body) <= SENT_AT_ONCE_BYTES:
            return None
        return self.memory_budget.hold(request.credentials, answer.body, is_new=is_new)

    def _share_run(
        self, request: Request, work: Callable[[], SharedAnswer], proof: SnapshotId | None, *, since: float
    ) -> SharedAnswer:
        """Return the answer of a run that began after `since`, among the requests that have the same proof or none."""
        key = (request.key, request.address, proof)
        try:
            return self.single_flight.share(key, work, since=since, deadline=request.deadline)
        except TimeoutError:
            raise QueryTimeout from None

    def _find_stored(self, request: Request, snapshot: Snapshot) -> SharedAnswer | None:
        """Return the answer that an equal request has stored since this one looked, or None."""
        found = self.cache.find(request.credentials, snapshot, again=True)
        if found is None:
            return None
        actor = self.authorize(found.value, request.address)
        entry = self.cache.find(hashkey(actor, request.query), snapshot, again=True)
        if entry is None:
            return None
        return SharedAnswer(entry.value, found.value, True, snapshot.snapshot_id)

    def _read(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> SharedAnswer:
        """Read token, perspective and rows, and store what is proved."""
        read_at = self.cache.now()
        caller, deadline = request.credentials, request.deadline
        with self.memory_budget.reserve(caller) as reservation:
            with self.concurrency_limiter.slot(caller, deadline):
                reading = self.reader.read(ReadRequest(request, trace, snapshot, reservation))
            self.freshness.accept(reading.snapshot_id, snapshot, deadline)
        answer = Answer(
            body=reading.body,
            rows=reading.rows,
            truncated=reading.truncated,
            perspective_id=reading.plan.perspective_id,
            as_of=find_replay_time(reading, snapshot),
        )
        trace.rows = answer.rows
        is_stored = self.cache.enabled and self._store(request, reading, answer, read_at)
        plan = reading.plan
        return SharedAnswer(answer, plan.token, is_stored, reading.snapshot_id, plan.is_provable)

    def _store(self, request: Request, reading: Reading, answer: Answer, read_at: float) -> bool:
        """Store the token and the answer under what proves them; return True where the answer was stored."""
        token, query, validator = reading.plan.token, reading.plan.query, reading.validator
        key_bytes = BYTES_PER_QUEUE * len(token.actor.queues or ()) + len(reading.snapshot_id.running or "")
        self.cache.store(request.credentials, token, key_bytes, validator, read_at)
        key = hashkey(token.actor, query)
        size = len(answer.body) + key_bytes + BYTES_PER_CRITERION * len(query.criteria) + 2 * request.size
        return self.cache.store(key, answer, size, validator, read_at)


def is_as_new(shared: SharedAnswer, snapshot: Snapshot, proof: SnapshotId | None) -> bool:
    """Return True where another request's run is as new as this request's snapshot: by a proof, or by its rows.

    A run that began after the request came may still have read its rows before this request read its snapshot.
    """
    if proof is not None:
        return shared.is_provable
    return not is_behind(shared.snapshot_id, snapshot.snapshot_id)


def note_rate_limit(status: RateLimitStatus | None, trace: RequestTrace) -> None:
    """Keep the status for the answer's headers. Raises RateLimited where it is over its limit."""
    trace.rate_limit = status
    if status is not None and status.is_exceeded:
        raise RateLimited(status.seconds_left)


def find_replay_time(reading: Reading, snapshot: Snapshot) -> datetime | None:
    """Return the commit time of the newest transaction that the rows reflect.

    A statement that waited for a lock tells the time after it, though its snapshot is from before; then the earlier
    time of an equal snapshot is right.
    """
    read, shown = reading.snapshot_id, snapshot.snapshot_id
    return (shown if (read.server, read.position) == (shown.server, shown.position) else read).replayed_at
