"""One request from who asks to rendered rows, in the words of the language: prove, admit, find, compile, fetch."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from tickiti_query.actor import Actor
from tickiti_query.answer import Answer
from tickiti_query.bulkhead import Bulkhead
from tickiti_query.compiler import compile_query
from tickiti_query.compiler.criteria import Search, read_criteria
from tickiti_query.directory import Directory, Key
from tickiti_query.errors import QueryTimeout, RateLimited, Unauthenticated
from tickiti_query.perspective import Perspective
from tickiti_query.recipe import Recipe, Row, Source, Witness, write_recipe
from tickiti_query.request_trace import RequestTrace
from tickiti_query.search import Selector, TicketQuery
from tickiti_query.server_state import Server, ServerState, Sight, Validator, see
from tickiti_query.standing import Standing
from tickiti_query.statement import Statement

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


class Snapshot(Source, Protocol):
    """One snapshot of one server."""

    server: Server


class Credentials(Hashable, Protocol):
    """What a request shows of a token; `fingerprint` stands for the token, None where there is none."""

    @property
    def fingerprint(self) -> str | None: ...


class Door(Protocol):
    """Where requests are counted, before it is known who asks."""

    def enter(self, token: str | None, address: str) -> Standing | None: ...
    def welcome(self, token: str | None) -> None: ...
    def refuse(self, token: str | None, address: str) -> Standing: ...


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


class Recipes(Protocol):
    """What repeated questions came to, the latest of them."""

    def get(self, key: Hashable) -> Recipe | None: ...
    def put(self, key: Hashable, recipe: Recipe) -> None: ...
    def drop(self, key: Hashable) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire. `read_query` understands the body, and raises what is wrong with it.

    `body` stands for the body where equal requests are recognised; it has `size` bytes.
    """

    credentials: Credentials
    address: str
    body: Hashable
    size: int
    read_query: Callable[[], TicketQuery]

    @property
    def key(self) -> Hashable:
        """Equal for two requests that ask the same with the same token."""
        return self.credentials, self.body


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
    """What one flight brings to all who joined it."""

    answer: Answer
    grant: Any
    is_stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one snapshot of one server said, and which it was. `rows` may be one more than were asked for."""

    server: Server
    sight: Sight
    recipe: Recipe
    rows: Sequence[Row]


def weigh(reading: Reading) -> int:
    """The bytes that the visible queues and the running transactions add to an entry of the cache."""
    return BYTES_A_QUEUE * len(reading.recipe.grant.actor.queues or ()) + len(reading.sight.running or "")


def note_standing(standing: Standing | None, trace: RequestTrace) -> None:
    """Let the answer tell where the caller stands; RateLimited where that is over its limit."""
    trace.standing = standing
    if standing is not None and standing.is_over:
        raise RateLimited(standing.seconds_left)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketQueryService:
    """Answers requests; everything of the world is handed in by the composition root."""

    prove: Callable[[], ServerState]
    accept: Callable[[Sight, Server, ServerState], None]
    read: Callable[[Callable[[Any], Any]], Any]
    ask: Callable[[Statement], tuple[Server, Sequence[Row]]]
    find_grant: Callable[[Source, Any], Any]
    admit: Callable[[Any, str], Actor]
    find_perspective: Callable[[Source, Selector, Actor], Perspective]
    look_up: Callable[[Source, Iterable[Key]], Directory]
    render_rows: Callable[[Sequence[str], Sequence[tuple[Any, ...]]], bytes]
    cache: Store
    recipes: Recipes
    flights: Any
    bulkhead: Bulkhead
    door: Door | None = None

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
            with self.bulkhead.enter(request.credentials):
                return self._share(request, state, trace)
        except Unauthenticated:
            if self.door is not None:
                note_standing(self.door.refuse(request.credentials.fingerprint, request.address), trace)
            raise

    def begin(self, request: Request, trace: RequestTrace) -> ServerState:
        """What the replica shows now to a request that may be heard.

        Raises RateLimited, which asks nothing of the replica, and ReplicaUnavailable where that is not fit to answer.
        """
        if self.door is not None:
            note_standing(self.door.enter(request.credentials.fingerprint, request.address), trace)
        with trace.measure("cache"):
            return self.prove()

    def knows(self, request: Request) -> bool:
        """Whether the question was asked before, and what it came to is remembered."""
        return self.recipes.get(request.key) is not None

    def find(self, request: Request, state: ServerState, trace: RequestTrace) -> Reply | None:
        """A proved answer, or None; who asks is admitted anew, by time and place."""
        grant = self.cache.find(request.credentials, state.validator)
        if grant is None:
            return None
        trace.user_id = grant.value.actor.user.id
        with trace.measure("auth"):
            actor = self.admit(grant.value, request.address)
        query = request.read_query()
        entry = self.cache.find(HashedKey((actor, query)), state.validator)
        if entry is None:
            return None
        answer: Answer = entry.value
        trace.cache, trace.rows, trace.perspective_id = "hit", answer.rows, answer.perspective_id
        return Reply(answer, f"tickiti-query; hit; ttl={self.cache.seconds_left(entry)}", query.ignored)

    def _share(self, request: Request, state: ServerState, trace: RequestTrace) -> Reply:
        """One flight for equal requests that the same validator holds for.

        One who joins a flight was admitted by the same token, from the same address, in the same state.
        """
        trace.cache = "miss" if self.cache.enabled else "off"
        if state.validator is None or not self.cache.enabled:
            outcome = self._fetch(request, state, trace)
        else:
            key = (request.credentials, request.address, request.body, state.validator)
            began = perf_counter()
            try:
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

    def _fly(self, request: Request, state: ServerState, trace: RequestTrace) -> Outcome:
        """What an equal flight has brought that landed after the cache was asked, or what a fetch brings."""
        grant = self.cache.find(request.credentials, state.validator, again=True)
        if grant is not None:
            actor = self.admit(grant.value, request.address)
            entry = self.cache.find(HashedKey((actor, request.read_query())), state.validator, again=True)
            if entry is not None:
                return Outcome(entry.value, grant.value, is_stored=True)
        return self._fetch(request, state, trace)

    def _fetch(self, request: Request, state: ServerState, trace: RequestTrace) -> Outcome:
        """Read who asks, which perspective and which rows in one snapshot; keep what `state` proves."""
        read_at = self.cache.now()
        with self.bulkhead.place(request.credentials):
            reading = self._read_again(request, trace) or self._read_anew(request, trace)
        self.accept(reading.sight, reading.server, state)
        grant, query = reading.recipe.grant, reading.recipe.query
        rows = reading.rows[: query.row_limit]
        began = perf_counter()
        body = self.render_rows(reading.recipe.columns, rows)
        trace.render_seconds = perf_counter() - began
        # The state was read before the data: if both saw the same, it proves the data from now on.
        is_same = (reading.server, reading.sight) == (state.server, state.sight)
        answer = Answer(
            body=body,
            rows=len(rows),
            truncated=len(reading.rows) > len(rows),
            perspective_id=reading.recipe.perspective_id,
            as_of=(state.sight if is_same else reading.sight).replayed_at,
        )
        trace.rows = answer.rows
        validator = state.validator if is_same else None
        weight = weigh(reading)
        self.cache.store(request.credentials, grant, weight, validator, read_at)
        question = HashedKey((grant.actor, query))
        size = len(answer.body) + weight + BYTES_A_CRITERION * len(query.criteria) + 2 * request.size
        is_stored = self.cache.store(question, answer, size, validator, read_at)
        return Outcome(answer, grant, is_stored)

    def _compile(
        self,
        source: Source,
        perspective: Perspective,
        searches: Sequence[Search],
        actor: Actor,
        row_limit: int,
    ) -> Statement:
        """The statement, written again where names had to be looked up for it."""
        directory = Directory()
        statement = compile_query(perspective, searches, actor, row_limit, directory)
        if directory.missing:
            directory = self.look_up(source, directory.missing)
            statement = compile_query(perspective, searches, actor, row_limit, directory)
        return statement

    def _read_again(self, request: Request, trace: RequestTrace) -> Reading | None:
        """What the recipe of an earlier request gives; None where there is none, or what it came from has changed."""
        recipe = self.recipes.get(request.key)
        if recipe is None:
            return None
        with trace.measure("sql"):
            server, rows = self.ask(recipe.statement)
            said = recipe.read(rows)
        if said is None:
            self.recipes.drop(request.key)
            return None
        # Only now is the grant known to be what the replica says.
        with trace.measure("auth"):
            trace.user_id = recipe.grant.actor.user.id
            self.admit(recipe.grant, request.address)
        trace.perspective_id = recipe.perspective_id
        sight, page = said
        return Reading(server=server, sight=sight, recipe=recipe, rows=page)

    def _read_anew(self, request: Request, trace: RequestTrace) -> Reading:
        """What the request comes to, step by step, in one snapshot; its recipe is kept."""

        def work(snapshot: Snapshot) -> Reading:
            return self._read_snapshot(snapshot, request, trace)

        reading: Reading = self.read(work)
        self.recipes.put(request.key, reading.recipe)
        return reading

    def _read_snapshot(self, snapshot: Snapshot, request: Request, trace: RequestTrace) -> Reading:
        """What one snapshot says to the request, in the order in which errors count."""
        source = Witness(snapshot)
        with trace.measure("auth"):
            sight = see(snapshot)
            grant = self.find_grant(source, request.credentials)
            if self.door is not None:
                self.door.welcome(request.credentials.fingerprint)
            trace.user_id = grant.actor.user.id
            actor = self.admit(grant, request.address)
        query = request.read_query()
        searches = read_criteria(query.criteria)
        with trace.measure("sql"):
            perspective = self.find_perspective(source, query.selector, actor)
            trace.perspective_id = perspective.id
            statement = self._compile(source, perspective, searches, actor, query.row_limit)
            rows = snapshot.fetch(statement)
        recipe = Recipe(
            grant=grant,
            query=query,
            perspective_id=perspective.id,
            columns=statement.columns,
            statement=write_recipe(statement, source.premises),
        )
        return Reading(server=snapshot.server, sight=sight, recipe=recipe, rows=rows)
