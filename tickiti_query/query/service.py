"""One request, from top to bottom: rate limit, snapshot, proved answer; else admission, one reading for all, rendering.

rate limit     may this caller ask?                              429
snapshot       what does the replica show now?                   503
look up        is there an answer that this snapshot proves?     401, 403, 400, 415, 422; a hit is held, and sent
admit          is there a slot, or a place in the queue?         503
share          does an equal request read already?               504
slot           wait for a turn to read                           503
read           token, perspective and rows in one snapshot       401, 403, 400, 415, 422, 404, 501, 503, 504
accept         are the rows as new as the snapshot?              503
store          the bytes are kept under their proof
hold           a large answer counts until it is sent            503 for a hit
"""

from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

from cachetools.keys import hashkey

from tickiti_query.admission.capacity import ConcurrencyLimiter, Hold, MemoryBudget
from tickiti_query.admission.rate_limit import RateLimiter
from tickiti_query.cache.cache import Cache, Entry
from tickiti_query.cache.freshness import Freshness
from tickiti_query.cache.single_flight import ALWAYS, SingleFlight
from tickiti_query.cache.snapshot import Snapshot, SnapshotId, is_behind
from tickiti_query.model.errors import QueryTimeout, RateLimited, Unauthenticated
from tickiti_query.model.request import SENT_AT_ONCE_BYTES, Answer, RateLimitStatus, Request, RequestTrace
from tickiti_query.model.token import AuthenticatedToken
from tickiti_query.query.reader import Authorize, Miss, Reader, Reading

# What the key of an entry holds beside its fixed parts; `python -m bench.memory` measures it.
BYTES_PER_QUEUE = 40
BYTES_PER_CRITERION = 400


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

    def find_proved_answer(self, request: Request, trace: RequestTrace) -> Reply | Miss:
        """Return the cached answer that is proved by what the replica shows now, or a Miss where there is none.

        Raises RateLimited, which asks nothing of the replica; ReplicaUnavailable; Unauthenticated and Forbidden where
        the token has expired or the address is not allowed; and what is wrong with the body.
        """
        if self.rate_limiter is not None:
            note_rate_limit(self.rate_limiter.check(request.credentials.digest, request.address), trace)
        trace.stages.append(("cache", perf_counter()))
        snapshot = self.freshness.read_snapshot(request.received_at, request.deadline)
        trace.stages.append((None, perf_counter()))
        try:
            found = self._look_up(request, trace, snapshot)
        except Unauthenticated:
            self._count_failure(request, trace)
            raise
        if found is None:
            return Miss(request, trace, snapshot, self.reader.plans.get(request.key))
        entry, _ = found
        trace.cache = "hit"
        cache_status = f"tickiti-query; hit; ttl={self.cache.seconds_left(entry)}"
        return self._reply(request, trace, entry.value, cache_status, is_new=False)

    def read_answer(self, miss: Miss) -> Reply:
        """Return the answer to a request for which there is none in the cache. Raises QueryError."""
        try:
            with self.concurrency_limiter.admit(miss.request.credentials):
                return self._share(miss)
        except TimeoutError:  # of waiting for another request's run
            raise QueryTimeout from None
        except Unauthenticated:
            self._count_failure(miss.request, miss.trace)
            raise

    def _look_up(
        self, request: Request, trace: RequestTrace, snapshot: Snapshot, *, again: bool = False
    ) -> tuple[Entry, AuthenticatedToken] | None:
        """Return the entry of the answer that the snapshot proves, and the token that it proves too; None without."""
        found = self.cache.find(request.credentials, snapshot, again=again)
        if found is None:
            return None
        token: AuthenticatedToken = found.value
        trace.user_id = token.actor.user.id
        trace.stages.append(("auth", perf_counter()))
        actor = self.authorize(token, request.address)
        trace.stages.append((None, perf_counter()))
        entry = self.cache.find(hashkey(actor, request.query), snapshot, again=again)
        return None if entry is None else (entry, token)

    def _count_failure(self, request: Request, trace: RequestTrace) -> None:
        """Count a token that is not valid. Raises RateLimited where its address has sent too many."""
        trace.stages.append((None, perf_counter()))
        if self.rate_limiter is not None:
            note_rate_limit(self.rate_limiter.count_failure(request.credentials.digest, request.address), trace)

    def _share(self, miss: Miss) -> Reply:
        """Return the answer of one run for all equal requests; they have the same token and the same address."""
        request, trace, snapshot = miss.request, miss.trace, miss.snapshot
        trace.cache = "miss" if self.cache.enabled else "off"
        began = perf_counter()

        def work() -> Reading:
            trace.stages += [("cache", began), (None, perf_counter())]  # the wait for a run that began too early
            found = self._look_up(request, trace, snapshot, again=True)  # what an equal request has stored since
            if found is None:
                return self._read(miss)
            entry, token = found
            return Reading(entry.value, token, snapshot.snapshot_id, snapshot.validator, is_stored=True)

        is_provable = self.cache.enabled and (miss.plan is None or miss.plan.is_provable)
        proof = snapshot.validator if is_provable else None
        share = partial(self.single_flight.share, work=work, deadline=request.deadline)
        since = request.received_at if proof is None else ALWAYS
        reading: Reading = share((request.key, request.address, proof), since=since)
        if trace.rows is None and not is_as_new(reading, snapshot, proof):
            proof = None
            reading = share((request.key, request.address, proof), since=request.deadline.clock())
        if trace.rows is None:  # another request's run: all of the time was waiting
            trace.stages += [("cache", began), (None, perf_counter())]
            if proof is None:
                self.freshness.accept(reading.snapshot_id, snapshot, request.deadline)
        self.authorize(reading.token, request.address)  # the token may have expired since the run began
        trace.user_id = reading.token.actor.user.id
        status = "fwd=miss; stored" if reading.is_stored else "fwd=miss"
        cache_status = f"tickiti-query; {status if self.cache.enabled else 'fwd=bypass'}"
        return self._reply(request, trace, reading.answer, cache_status, is_new=True)

    def _reply(
        self, request: Request, trace: RequestTrace, answer: Answer, cache_status: str, *, is_new: bool
    ) -> Reply:
        """Return the reply, and count its answer until it is sent; a small one leaves at once.

        Raises Overloaded where there is no room for one that is not new.
        """
        trace.rows, trace.perspective_id = answer.rows, answer.perspective_id
        is_held = len(answer.body) > SENT_AT_ONCE_BYTES
        hold = self.memory_budget.hold(request.credentials, answer.body, is_new=is_new) if is_held else None
        return Reply(answer, cache_status, request.query.ignored, hold)

    def _read(self, miss: Miss) -> Reading:
        """Read token, perspective and rows, and store what is proved."""
        request, snapshot = miss.request, miss.snapshot
        read_at = self.cache.clock()
        with self.memory_budget.reserve(request.credentials) as reservation:
            with self.concurrency_limiter.slot(request.credentials, request.deadline):
                reading = self.reader.read(miss, reservation)
            self.freshness.accept(reading.snapshot_id, snapshot, request.deadline)
        miss.trace.rows = reading.answer.rows
        is_stored = self.cache.enabled and self._store(request, reading, read_at)
        return replace(reading, is_stored=True) if is_stored else reading

    def _store(self, request: Request, reading: Reading, read_at: float) -> bool:
        """Store the token and the answer under what proves them; return True where the answer was stored."""
        answer, token, query, validator = reading.answer, reading.token, request.query, reading.validator
        key_bytes = BYTES_PER_QUEUE * len(token.actor.queues or ()) + len(reading.snapshot_id.running or "")
        size = len(answer.body) + key_bytes + BYTES_PER_CRITERION * len(query.criteria) + 2 * query.size
        self.cache.store(request.credentials, token, key_bytes, validator, read_at)
        return self.cache.store(hashkey(token.actor, query), answer, size, validator, read_at)


def is_as_new(reading: Reading, snapshot: Snapshot, proof: SnapshotId | None) -> bool:
    """Return True where another request's run is as new as this request's snapshot: by a proof, or by its rows.

    A run that began after the request came may still have read its rows before this request read its snapshot.
    """
    if proof is not None:
        return reading.is_provable
    return not is_behind(reading.snapshot_id, snapshot.snapshot_id)


def note_rate_limit(status: RateLimitStatus | None, trace: RequestTrace) -> None:
    """Keep the status for the answer's headers. Raises RateLimited where it is over its limit."""
    trace.rate_limit = status
    if status is not None and status.is_exceeded:
        raise RateLimited(status.seconds_left)
