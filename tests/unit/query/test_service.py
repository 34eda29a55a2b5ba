"""One request through the service: what each room is asked, in which order, and when it is asked nothing."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from tests.support.snapshots import alter
from tickiti_query.admission.capacity import ConcurrencyLimiter, MemoryBudget, Reservation
from tickiti_query.admission.rate_limit import FixedWindowStorage, RateLimiter
from tickiti_query.cache.cache import Cache
from tickiti_query.cache.freshness import Freshness
from tickiti_query.cache.single_flight import SingleFlight
from tickiti_query.cache.snapshot import Server, Snapshot, SnapshotId
from tickiti_query.model.errors import (
    Overloaded,
    QueryTimeout,
    RateLimited,
    ReplicaUnavailable,
    Unauthenticated,
    ValidationFailed,
)
from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import Answer, Deadline, Request, RequestTrace
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials, User
from tickiti_query.query.cached_plan import CachedPlan, PlanCache
from tickiti_query.query.reader import Miss, Reader, Reading
from tickiti_query.query.service import Reply, TicketQueryService, is_as_new

SERVER = Server(generation=1, system=77, major=18)
SNAPSHOT = Snapshot(SnapshotId(SERVER, "10:20: since t", ""), lag_seconds=0.0)
LATER = alter(SNAPSHOT, position="10:21: since t")
TOKEN = AuthenticatedToken(Actor(User(7, "ann@shop.example"), True, None), frozenset({"*"}), None, None, None)
CREDENTIALS = Credentials("a" * 64)
ADDRESS = "203.0.113.9"
QUERY = TicketQuery(row_limit=2)
STATEMENT = Statement("SELECT")
SECONDS = 60.0
BUDGET_BYTES = 2**26


@dataclass
class World:
    """The rooms around a service: a clock, a replica whose snapshot changes on demand, a reader, and a diary."""

    rate: str | None = None
    slots: int = 4
    ttl_seconds: float = 30
    now: float = 1000.0
    snapshot: Snapshot = SNAPSHOT
    has_expired: bool = False
    read: Callable[[], None] = lambda: None
    diary: list[str] = field(default_factory=list)
    memory_budget: MemoryBudget = field(default_factory=lambda: MemoryBudget(BUDGET_BYTES))
    body: bytes = b"2 rows"
    service: TicketQueryService = field(init=False)

    is_provable: bool = True  # what is read is stored in tables

    def __post_init__(self) -> None:
        limiter = RateLimiter(self.rate, FixedWindowStorage(lambda: self.now)) if self.rate else None
        self.shared = 0
        self.service = TicketQueryService(
            rate_limiter=limiter,
            freshness=Freshness(
                observe=self.observe,
                is_exact=self.ttl_seconds > 0,
                require_standby=True,
                max_lag_seconds=60,
                clock=lambda: self.now,
            ),
            cache=Cache(ttl_seconds=self.ttl_seconds, max_bytes=10**6, exact=True, clock=lambda: self.now),
            authorize=self.authorize,
            concurrency_limiter=ConcurrencyLimiter(self.slots, queue_size=0),
            single_flight=SingleFlight(clock=lambda: self.now, count_shared=self.count_shared),
            reader=cast(Reader, FakeReader(self)),
            memory_budget=self.memory_budget,
        )

    def count_shared(self) -> None:
        self.shared += 1

    def observe(self, deadline: Deadline, *, with_lag: bool) -> Snapshot:
        self.diary.append("snapshot")
        return self.snapshot

    def authorize(self, token: AuthenticatedToken, address: str) -> Actor:
        self.diary.append("authorize")
        if self.has_expired:
            raise Unauthenticated
        return token.actor

    def make_request(
        self,
        credentials: Credentials = CREDENTIALS,
        body: bytes = b"{}",
        parse: Callable[[], TicketQuery] = lambda: QUERY,
    ) -> Request:
        self.now += 1
        return Request(
            credentials=credentials,
            address=ADDRESS,
            raw_body=body,
            content_type="application/json",
            received_at=self.now - 0.5,
            deadline=Deadline(self.now + 5, lambda: self.now),
            parse_body=lambda _body, _type: parse(),
        )

    def ask(self, request: Request | None = None, trace: RequestTrace | None = None) -> Reply:
        """Return the reply to a request, as the edge asks for it."""
        request, trace = request or self.make_request(), trace or RequestTrace()
        found = self.service.find_proved_answer(request, trace)
        return self.service.read_answer(found) if isinstance(found, Miss) else found


class FakeReader:
    """Finds three rows; what a test put into `world.read` happens meanwhile."""

    def __init__(self, world: World) -> None:
        self.plans = PlanCache(10**6)
        self._world = world

    def read(self, miss: Miss, reservation: Reservation) -> Reading:
        request, snapshot = miss.request, miss.snapshot
        self._world.diary.append("read")
        self._world.read()
        reservation.grow(len(self._world.body))
        answer = Answer(
            body=self._world.body,
            rows=min(3, request.query.row_limit),
            truncated=request.query.row_limit < 3,
            perspective_id=3,
            as_of=None,
        )
        is_provable = self._world.is_provable
        validator = snapshot.validator if is_provable else None
        return Reading(answer, TOKEN, snapshot.snapshot_id, validator, is_provable)


def test_a_miss_is_read_and_stored() -> None:
    world, trace = World(), RequestTrace()
    reply = world.ask(trace=trace)
    assert world.diary == ["snapshot", "read", "authorize"]
    assert (reply.answer.body, reply.hold) == (b"2 rows", None)
    assert (reply.answer.rows, reply.answer.truncated, reply.answer.perspective_id) == (2, True, 3)
    assert reply.cache_status == "tickiti-query; fwd=miss; stored"
    assert (trace.cache, trace.rows, trace.user_id, trace.perspective_id) == ("miss", 2, 7, 3)


def test_a_hit_is_authorized_and_reads_nothing() -> None:
    world, trace = World(), RequestTrace()
    missed = world.ask()
    world.diary.clear()
    reply = world.ask(trace=trace)
    assert world.diary == ["snapshot", "authorize"]
    assert reply.answer is missed.answer
    assert reply.cache_status.startswith("tickiti-query; hit; ttl=")
    assert (trace.cache, trace.rows, trace.user_id, trace.perspective_id) == ("hit", 2, 7, 3)


def test_what_the_replica_shows_no_more_is_read_again() -> None:
    world = World()
    world.ask()
    world.snapshot = LATER
    world.diary.clear()
    assert world.ask().cache_status == "tickiti-query; fwd=miss; stored"
    assert world.diary == ["snapshot", "read", "authorize"]


def test_another_query_of_the_same_token_is_no_hit_and_has_its_own_answer() -> None:
    world = World()
    world.ask()
    reply = world.ask(world.make_request(body=b'{"row_limit": 9}', parse=lambda: TicketQuery(row_limit=9)))
    assert reply.answer.rows == 3
    assert not reply.answer.truncated


def test_without_a_cache_nothing_is_kept_and_the_answer_says_so() -> None:
    world, trace = World(ttl_seconds=0), RequestTrace()
    assert world.ask(trace=trace).cache_status == "tickiti-query; fwd=bypass"
    assert trace.cache == "off"
    world.ask()
    assert world.diary.count("read") == 2


def test_a_miss_has_the_plan_that_an_equal_request_has_left() -> None:
    world, query = World(), TicketQuery(row_limit=2)
    plan = CachedPlan(TOKEN, 0, query, 3, ("id", "subject"), STATEMENT, STATEMENT)
    known, new = world.make_request(body=b"known"), world.make_request(body=b"new")
    world.service.reader.plans.put(known.key, plan)
    for request, expected in ((known, plan), (new, None)):
        miss = world.service.find_proved_answer(request, RequestTrace())
        assert isinstance(miss, Miss)
        assert miss.plan is expected


def test_ignored_fields_are_those_of_the_request_and_not_of_the_answer() -> None:
    world = World()
    assert world.ask().ignored == ()
    hit = world.ask(world.make_request(body=b'{"a": 1}', parse=lambda: replace(QUERY, ignored=("a",))))
    assert hit.ignored == ("a",)
    assert world.diary.count("read") == 1


def test_a_body_that_is_wrong_is_told_to_who_is_let_in_alone() -> None:
    world = World()

    def fail() -> TicketQuery:
        raise ValidationFailed({"row_limit": ["Must be a number."]})

    world.ask()
    with pytest.raises(ValidationFailed):
        world.ask(world.make_request(parse=fail))
    world.has_expired = True
    with pytest.raises(Unauthenticated):
        world.ask(world.make_request(parse=fail))


def test_equal_requests_share_one_run() -> None:
    world = World(slots=8)
    started, go_on, waiting = threading.Event(), threading.Event(), threading.Semaphore(0)

    def read_slowly() -> None:
        started.set()
        assert go_on.wait(SECONDS)

    def tell_time() -> float:
        waiting.release()  # who joins a run looks how long it may wait
        return 0.0

    world.read = read_slowly
    requests = [replace(world.make_request(), deadline=Deadline(SECONDS, tell_time)) for _ in range(3)]
    traces = [RequestTrace() for _ in requests]
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(world.ask, requests[0], traces[0])
        assert started.wait(SECONDS)
        others = [threads.submit(world.ask, *each) for each in zip(requests[1:], traces[1:], strict=True)]
        assert all(waiting.acquire(timeout=SECONDS) for _ in others)
        go_on.set()
        replies = [each.result(SECONDS) for each in (first, *others)]
    assert (world.diary.count("read"), world.shared) == (1, 2)
    assert all(reply.answer is replies[0].answer for reply in replies)
    assert [(trace.rows, trace.user_id, trace.perspective_id) for trace in traces] == [(2, 7, 3)] * 3


def test_who_came_after_a_run_began_that_nothing_proves_is_read_for_again() -> None:
    world = World(slots=8, is_provable=False)
    started, go_on, waiting = threading.Event(), threading.Event(), threading.Semaphore(0)

    def read_slowly() -> None:
        started.set()
        assert go_on.wait(SECONDS)

    def tell_time() -> float:
        waiting.release()
        return 0.0

    world.read = read_slowly
    first, second = (replace(world.make_request(), deadline=Deadline(SECONDS, tell_time)) for _ in range(2))
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(world.ask, first)]
        assert started.wait(SECONDS)
        world.now += 1  # the run began before the second request came
        asked.append(threads.submit(world.ask, replace(second, received_at=world.now)))
        assert waiting.acquire(timeout=SECONDS)
        world.now += 1
        go_on.set()
        replies = [each.result(SECONDS) for each in asked]
    assert world.diary.count("read") == 2
    assert [reply.cache_status for reply in replies] == ["tickiti-query; fwd=miss"] * 2


def test_a_request_that_waited_for_anothers_run_is_authorized_again() -> None:
    """All three share a run; the token expires before it ends."""
    world = World(slots=8)
    started, go_on, waiting = threading.Event(), threading.Event(), threading.Semaphore(0)

    def read_slowly() -> None:
        started.set()
        assert go_on.wait(SECONDS)
        world.has_expired = True

    def tell_time() -> float:
        waiting.release()
        return 0.0

    world.read = read_slowly
    requests = [replace(world.make_request(), deadline=Deadline(SECONDS, tell_time)) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(world.ask, requests[0])]
        assert started.wait(SECONDS)
        asked += [threads.submit(world.ask, request) for request in requests[1:]]
        assert all(waiting.acquire(timeout=SECONDS) for _ in requests[1:])
        go_on.set()
        assert all(isinstance(each.exception(SECONDS), Unauthenticated) for each in asked)
    assert world.diary.count("read") == 1


def test_a_token_that_expires_while_its_request_waits_is_refused() -> None:
    world = World()

    def expire() -> None:
        world.has_expired = True

    world.read = expire
    with pytest.raises(Unauthenticated):
        world.ask()
    world.diary.clear()
    with pytest.raises(Unauthenticated):  # also where the answer is in the cache
        world.ask()
    assert world.diary == ["snapshot", "authorize"]


def test_who_waits_for_anothers_run_waits_no_longer_than_the_deadline() -> None:
    world = World(slots=8)
    started, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        assert go_on.wait(SECONDS)

    world.read = wait
    request = world.make_request()
    late = replace(world.make_request(), deadline=Deadline(0.0, lambda: 1.0))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(world.ask, request)
        assert started.wait(SECONDS)
        with pytest.raises(QueryTimeout):
            world.service.read_answer(Miss(late, RequestTrace(), SNAPSHOT, None))
        go_on.set()
        assert first.result(SECONDS).answer.rows == 2


def test_who_is_over_the_rate_limit_asks_nothing_of_the_replica() -> None:
    world, trace = World(rate="2/hour"), RequestTrace()
    for _ in range(2):
        world.ask()
    world.diary.clear()
    with pytest.raises(RateLimited):
        world.ask(trace=trace)
    assert world.diary == []
    assert trace.rate_limit is not None
    assert (trace.rate_limit.limit, trace.rate_limit.remaining) == (2, 0)


def test_a_token_that_is_not_valid_is_counted_against_its_address() -> None:
    world = World(rate="2/hour")

    def refuse() -> None:
        raise Unauthenticated

    world.read = refuse
    for number in range(2):
        with pytest.raises(Unauthenticated):
            world.ask(world.make_request(Credentials(f"{number}" * 64)))
    with pytest.raises(RateLimited):  # once a second one is looked up, and it fails as well
        world.ask(world.make_request(Credentials("2" * 64)))
    world.diary.clear()
    world.now -= 1  # in the same second
    with pytest.raises(RateLimited):
        world.ask(world.make_request(Credentials("3" * 64)))
    assert world.diary == []


def test_a_replica_that_is_not_there_is_told_before_anything_is_looked_up() -> None:
    world = World()
    world.snapshot = alter(SNAPSHOT, position="10:20: since f")
    with pytest.raises(ReplicaUnavailable):
        world.ask()
    assert world.diary == ["snapshot"]


def test_who_is_not_admitted_reads_nothing_while_hits_go_on() -> None:
    world = World(slots=2)  # one caller may have half of them
    world.ask()
    started, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        assert go_on.wait(SECONDS)

    world.read = wait
    other = world.make_request(body=b"1", parse=lambda: TicketQuery(row_limit=1))
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(world.ask, other)
        assert started.wait(SECONDS)
        with pytest.raises(Overloaded):
            world.ask(world.make_request(body=b"3", parse=lambda: TicketQuery(row_limit=3)))
        assert "hit" in world.ask().cache_status
        go_on.set()
        reading.result(SECONDS)


def test_a_large_answer_counts_until_it_is_sent_and_a_hit_of_it_once() -> None:
    world = World(body=bytes(10**5))
    missed = world.ask()
    assert (missed.cache_status, world.memory_budget.used_bytes) == ("tickiti-query; fwd=miss; stored", 10**5)
    hit = world.ask()
    assert hit.answer is missed.answer
    assert world.memory_budget.used_bytes == 10**5
    for reply in (missed, hit):
        assert world.memory_budget.used_bytes == 10**5
        assert reply.hold is not None
        reply.hold.release()
    assert world.memory_budget.used_bytes == 0


def test_what_fails_gives_its_bytes_back() -> None:
    world = World(body=bytes(10**5))
    world.ask()
    world.snapshot = LATER

    def expire() -> None:
        world.has_expired = True

    world.read = expire
    with pytest.raises(Unauthenticated):
        world.ask()
    assert world.memory_budget.used_bytes == 0


def test_a_large_answer_without_room_is_refused_and_a_small_one_is_not() -> None:
    world = World(body=bytes(5 * 2**20))
    with world.memory_budget.reserve("another caller") as reservation:
        reservation.expect(BUDGET_BYTES)
        with pytest.raises(Overloaded):
            world.ask()
        world.body = bytes(2**20)
        assert world.ask().answer.rows == 2


def test_anothers_run_is_as_new_by_a_proof_or_by_its_rows() -> None:
    shared = Reading(Answer(b"", 0, False, None, None), TOKEN, SNAPSHOT.snapshot_id, SNAPSHOT.validator)
    unprovable = replace(shared, is_provable=False)
    assert is_as_new(shared, SNAPSHOT, SNAPSHOT.validator)
    assert not is_as_new(unprovable, SNAPSHOT, SNAPSHOT.validator)
    assert is_as_new(unprovable, SNAPSHOT, None)
    assert not is_as_new(unprovable, LATER, None)
    assert is_as_new(replace(unprovable, snapshot_id=LATER.snapshot_id), SNAPSHOT, None)
