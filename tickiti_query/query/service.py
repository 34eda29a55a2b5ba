"""One request from who asks to rendered rows, in the words of the language: prove, admit, find, compile, fetch."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic, perf_counter
from typing import Any, Protocol

from tickiti_query.admission.concurrency_limit import ConcurrencyLimiter
from tickiti_query.admission.rate_limit import RateLimiter
from tickiti_query.cache.snapshot_ids import Server, ServerState, Sight, Validator
from tickiti_query.model.actor import Actor
from tickiti_query.model.answer import Answer
from tickiti_query.model.deadline import Deadline
from tickiti_query.model.errors import QueryTimeout, RateLimited, Unauthenticated
from tickiti_query.model.rate_limit_status import RateLimitStatus
from tickiti_query.query.reader import Reader, Reading
from tickiti_query.query.request import Request
from tickiti_query.query.request_trace import RequestTrace

# What a cache's key holds beside its fixed parts, in bytes; `python -m bench.memory` measures it.
BYTES_A_QUEUE = 40
BYTES_A_CRITERION = 400


class HashedKey(tuple[Any, ...]):
    """A key of a cache that computes its hash once: a look-up asks for it several times."""

    _hash: int

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = super().__hash__()
            return self._hash


class Entry(Protocol):
    """What a cache gives back."""

    @property
    def value(self) -> Any: ...


class Store(Protocol):
    """Where grants and answers are kept under the validator that proves them."""

    enabled: bool

    def find(self, key: Hashable, validator: Validator | None, *, again: bool = False) -> Entry | None: ...
    def now(self) -> float: ...
    def store(
        self, key: Hashable, value: Any, payload_bytes: int, validator: Validator | None, read_at: float
    ) -> bool: ...
    def seconds_left(self, entry: Any) -> int: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how it came to be: `cache_status` is the header of RFC 9211.

    `ignored` holds the paths of the fields in the body that nobody knows.
    """

    answer: Answer
    cache_status: str
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one flight brings to all who joined it: an answer, what its data saw, and where."""

    answer: Answer
    grant: Any
    is_stored: bool
    sight: Sight
    server: Server


def weigh(reading: Reading) -> int:
    """The bytes that the visible queues and the running transactions add to an entry of the cache."""
    return BYTES_A_QUEUE * len(reading.recipe.grant.actor.queues or ()) + len(reading.sight.running or "")


def note_standing(standing: RateLimitStatus | None, trace: RequestTrace) -> None:
    """Let the answer tell where the caller stands; RateLimited where that is over its limit."""
    trace.standing = standing
    if standing is not None and standing.is_exceeded:
        raise RateLimited(standing.seconds_left)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketQueryService:
    """Answers requests; everything of the world is handed in by the composition root."""

    prove: Callable[[float], ServerState]
    accept: Callable[[Sight, Server, ServerState], None]
    is_overtaken: Callable[[Sight, Server], bool]
    reader: Reader
    admit: Callable[[Any, str], Actor]
    render_rows: Callable[[Sequence[str], Sequence[tuple[Any, ...]]], bytes]
    cache: Store
    flights: Any
    concurrency_limiter: ConcurrencyLimiter
    rate_limiter: RateLimiter | None = None

    def run(self, request: Request, trace: RequestTrace, state: ServerState | None = None) -> Reply:
        """The rows that the request's perspective shows its actor, as bytes. Raises QueryError.

        `state`: a reading that was taken for this request already, by one who found no answer under it.
        """
        if state is None:
            state = self.begin(request, trace)
            reply = self.find(request, state, trace)
            if reply is not None:
                return reply
        try:
            with self.concurrency_limiter.admit(request.credentials):
                return self._share(request, state, trace)
        except Unauthenticated:
            self._refuse(request, trace)
            raise

    def _refuse(self, request: Request, trace: RequestTrace) -> None:
        """Let the rate limiter know of a token that is not valid. RateLimited where its address has shown too many."""
        if self.rate_limiter is not None:
            note_standing(
                self.rate_limiter.count_failure(request.credentials.fingerprint, request.address), trace
            )

    def begin(self, request: Request, trace: RequestTrace) -> ServerState:
        """What the replica shows now to a request that may be heard.

        Raises RateLimited, which asks nothing of the replica, and ReplicaUnavailable where that is not fit to answer.
        """
        if self.rate_limiter is not None:
            note_standing(self.rate_limiter.check(request.credentials.fingerprint, request.address), trace)
        with trace.measure("cache"):
            return self.prove(request.received_at)

    def knows(self, request: Request) -> bool:
        """Whether the question was asked before, and what it came to is remembered."""
        return self.reader.knows(request)

    def find(self, request: Request, state: ServerState, trace: RequestTrace) -> Reply | None:
        """A proved answer, or None; who asks is admitted anew, by time and place."""
        grant = self.cache.find(request.credentials, state.validator)
        if grant is None:
            return None
        trace.user_id = grant.value.actor.user.id
        try:
            with trace.measure("auth"):
                actor = self.admit(grant.value, request.address)
        except Unauthenticated:
            self._refuse(request, trace)
            raise
        query = request.read_query()
        entry = self.cache.find(HashedKey((actor, query)), state.validator)
        if entry is None:
            return None
        answer: Answer = entry.value
        trace.cache, trace.rows, trace.perspective_id = "hit", answer.rows, answer.perspective_id
        return Reply(answer, f"tickiti-query; hit; ttl={self.cache.seconds_left(entry)}", query.ignored)

    def _share(self, request: Request, state: ServerState, trace: RequestTrace) -> Reply:
        """One flight for equal requests.

        Where the same validator holds for them, one that is under way will do; else one that has yet to begin. One who
        joins a flight was admitted by the same token, from the same address.
        """
        trace.cache = "miss" if self.cache.enabled else "off"
        began = perf_counter()
        try:
            if state.validator is None or not self.cache.enabled:
                outcome = self._follow(request, state, trace, began)
            else:
                key = (request.key, request.address, state.validator)
                outcome = self.flights.join(key, lambda: self._fly(request, state, trace))
        except TimeoutError:
            raise QueryTimeout from None
        if trace.rows is None:  # somebody else's flight: all of it was waiting
            trace.add("cache", perf_counter() - began)
        # Time has passed for those who joined: a token may have ended since the flight began.
        self.admit(outcome.grant, request.address)
        answer = outcome.answer
        trace.user_id, trace.rows = outcome.grant.actor.user.id, answer.rows
        trace.perspective_id = answer.perspective_id
        status = "fwd=miss; stored" if outcome.is_stored else "fwd=miss"
        return Reply(
            answer,
            f"tickiti-query; {status if self.cache.enabled else 'fwd=bypass'}",
            request.read_query().ignored,
        )

    def _follow(self, request: Request, state: ServerState, trace: RequestTrace, began: float) -> Outcome:
        """What an equal flight brings that began after the request came."""

        def take_off() -> Outcome:
            trace.add("cache", perf_counter() - began)  # what it has waited for the flight before
            return self._fetch(request, state, trace)

        def holds(outcome: Outcome) -> bool:
            return not self.is_overtaken(outcome.sight, outcome.server)

        key = (request.key, request.address)
        outcome: Outcome = self.flights.follow(key, take_off, request.received_at, holds)
        if trace.rows is None:
            self.accept(outcome.sight, outcome.server, state)
        return outcome

    def _fly(self, request: Request, state: ServerState, trace: RequestTrace) -> Outcome:
        """What an equal flight has brought that landed after the cache was asked, or what a fetch brings."""
        grant = self.cache.find(request.credentials, state.validator, again=True)
        if grant is not None:
            actor = self.admit(grant.value, request.address)
            entry = self.cache.find(HashedKey((actor, request.read_query())), state.validator, again=True)
            if entry is not None:
                return Outcome(
                    entry.value, grant.value, is_stored=True, sight=state.sight, server=state.server
                )
        return self._fetch(request, state, trace)

    def _fetch(self, request: Request, state: ServerState, trace: RequestTrace) -> Outcome:
        """Read who asks, which perspective and which rows in one snapshot; keep what `state` proves."""
        read_at = self.cache.now()
        with self.concurrency_limiter.slot(request.credentials, Deadline(inf, monotonic)):
            reading = self.reader.answer(request, trace, state)
        self.accept(reading.sight, reading.server, state)
        rows = reading.rows[: reading.recipe.query.row_limit]
        began = perf_counter()
        body = self.render_rows(reading.recipe.columns, rows)
        trace.render_seconds = perf_counter() - began
        # One that waited for a lock tells of the time after it; its snapshot is from before, as the state may be.
        has_same_stamp = (reading.server, reading.sight.stamp) == (state.server, state.sight.stamp)
        answer = Answer(
            body=body,
            rows=len(rows),
            truncated=len(reading.rows) > len(rows),
            perspective_id=reading.recipe.perspective_id,
            as_of=(state.sight if has_same_stamp else reading.sight).replayed_at,
        )
        trace.rows = answer.rows
        is_stored = self.cache.enabled and self._store(request, reading, answer, read_at)
        return Outcome(answer, reading.recipe.grant, is_stored, reading.sight, reading.server)

    def _store(self, request: Request, reading: Reading, answer: Answer, read_at: float) -> bool:
        """Keep what was read, if it is proved; whether the answer was kept."""
        grant, query, weight = reading.recipe.grant, reading.recipe.query, weigh(reading)
        self.cache.store(request.credentials, grant, weight, reading.validator, read_at)
        question = HashedKey((grant.actor, query))
        size = len(answer.body) + weight + BYTES_A_CRITERION * len(query.criteria) + 2 * request.size
        return self.cache.store(question, answer, size, reading.validator, read_at)
