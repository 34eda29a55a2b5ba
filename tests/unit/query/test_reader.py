"""Reading: step by step at first, by the plan that this leaves from then on, and anew where a precondition changed."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from tests.support.snapshots import alter
from tickiti_query.admission.capacity import MemoryBudget
from tickiti_query.cache.snapshot import SNAPSHOT_ID, Server, Snapshot, SnapshotId
from tickiti_query.catalogue.predicate import Name, Names
from tickiti_query.model.errors import Forbidden, MalformedJson, NotFound, Overloaded, Unauthenticated
from tickiti_query.model.perspective import Condition, Perspective, Selector, TicketQuery
from tickiti_query.model.request import Deadline, Request, RequestTrace
from tickiti_query.model.statement import Precondition, Source, Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials, User
from tickiti_query.query.cached_plan import CachedPlan, PlanCache
from tickiti_query.query.collector import FIRST_ROWS, GROWTH, PART_BYTES, PART_MEMORY
from tickiti_query.query.reader import Miss, Reader, Reading
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.contract_source import ContractSource

SERVER = Server(generation=1, system=77, major=18)
SNAPSHOT = Snapshot(SnapshotId(SERVER, "10:20: since t", ""), lag_seconds=0.0)
LATER = alter(SNAPSHOT, position="10:21: since t")
TOKEN = AuthenticatedToken(Actor(User(7, "ann@shop.example"), True, None), frozenset({"*"}), None, None, None)
RETURNS = Perspective(3, "Returns", (Condition("queue", "is", ("Returns",)),))
CREDENTIALS = Credentials("a" * 64)
ROWS: list[tuple[Any, ...]] = [(1, "a"), (2, "b")]
OTHER_VALUES = (None,) * 8  # of the other columns
LONG = "x" * 825
LONG_BYTES = 995  # of the text of a row that has LONG, at least


GUARD = Statement("SELECT 'looked up whether the relations are as they were'")


@dataclass
class Contract:
    """The contract's relations, as they are."""

    source: Source
    is_provable: bool = True
    guard: Statement = GUARD
    preconditions: list[Precondition] = field(default_factory=list)

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        rows = self.source.fetch(statement)
        self.preconditions.append(Precondition(statement, tuple(row[0] for row in rows)))
        return [row[1:] for row in rows]

    def fit(self, statement: Statement) -> Statement:
        return replace(statement, sql=f"{statement.sql} -- fitted")


@dataclass
class World:
    """A replica that answers a reader, with what it was asked for; a test changes what it says."""

    snapshot: Snapshot = SNAPSHOT
    holds: bool = True  # every precondition of a plan
    perspective: Perspective = RETURNS
    fault: Exception | None = None
    asked: list[str] = field(default_factory=list)
    remembered: list[str | None] = field(default_factory=list)
    server: Server = SERVER
    is_provable: bool = True  # what is read is stored in tables
    rows: list[tuple[Any, ...]] = field(default_factory=lambda: ROWS)
    rows_left: list[tuple[Any, ...]] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)  # rows that were asked for, and those that came
    budget: MemoryBudget = field(default_factory=lambda: MemoryBudget(2**26))
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(
            replica=cast(Replica, self),
            open_contract=self.open_contract,
            find_token=self.find_token,
            authorize=self.authorize,
            find_perspective=self.find_perspective,
            resolve=self.resolve,
            plans=PlanCache(10**6),
            remember_valid_token=self.remembered.append,
        )

    def read(self, work: Callable[[Any], Any], deadline: Deadline) -> Any:
        self.asked.append("transaction")
        return work(self)

    def ask(self, statement: Statement, deadline: Deadline) -> tuple[Server, list[tuple[Any, ...]]]:
        self.asked.append("checked" if "ARRAY(" in statement.sql else "unchecked")
        ending = (None,) * len(statement.columns)
        if not self.holds:
            return self.server, [(*ending, None)]
        return self.server, [(*ending, self.write_snapshot_id()), *((*row, None) for row in self.list_rows())]

    def write_snapshot_id(self) -> str:
        return f"/{self.snapshot.snapshot_id.position}/{self.snapshot.snapshot_id.running}"

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        if statement == SNAPSHOT_ID:
            return [(self.write_snapshot_id(),)]
        assert "looked up" in statement.sql
        return [("as text", 1)]

    def list_rows(self) -> list[tuple[Any, ...]]:
        return [(*row, *OTHER_VALUES) for row in self.rows]

    def open(self, statement: Statement, count: int) -> list[tuple[Any, ...]]:
        is_plan = "preconditions" in statement.sql
        self.rows_left = self.ask(statement, Deadline(5.0, lambda: 0.0))[1] if is_plan else self.list_rows()
        return self.fetch_more(count)

    def fetch_more(self, count: int) -> list[tuple[Any, ...]]:
        rows, self.rows_left = self.rows_left[:count], self.rows_left[count:]
        self.parts.append((count, len(rows)))
        return rows

    def look_up(self, source: Source, what: str) -> None:
        source.fetch(Statement(f"SELECT 'looked up {what}'"))

    def open_contract(self, transaction: Source) -> ContractSource:
        return cast(ContractSource, Contract(transaction, self.is_provable))

    def find_token(self, source: Source, credentials: Credentials) -> AuthenticatedToken:
        self.look_up(source, "a token")
        if credentials != CREDENTIALS:
            raise Unauthenticated
        return TOKEN

    def authorize(self, token: AuthenticatedToken, address: str) -> Actor:
        if self.fault is not None:
            raise self.fault
        return token.actor

    def find_perspective(self, source: Source, selector: Selector, actor: Actor) -> Perspective:
        self.look_up(source, "a perspective")
        if selector.id not in (None, self.perspective.id):
            raise NotFound("There is none.")
        return self.perspective

    def resolve(self, source: Source, keys: Iterable[Name]) -> Names:
        self.look_up(source, "names")
        return dict.fromkeys(keys, (2,))

    def answer(self, request: Request, trace: RequestTrace | None = None) -> Reading:
        miss = Miss(request, trace or RequestTrace(), self.snapshot, self.find_plan(request))
        with self.budget.reserve("ann") as reservation:
            return self.reader.read(miss, reservation)

    def find_plan(self, request: Request) -> CachedPlan | None:
        return self.reader.plans.get(request.key)


def make_request(query: TicketQuery | None = None, credentials: Credentials = CREDENTIALS) -> Request:
    def parse_body(body: bytes | None, content_type: str) -> TicketQuery:
        if query is None:
            raise MalformedJson
        return replace(query, size=len(body or b"") + len(content_type))

    return Request(
        credentials=credentials,
        address="203.0.113.9",
        raw_body=b"{" if query is None else repr(query).encode(),
        content_type="application/json",
        received_at=0.0,
        deadline=Deadline(5.0, lambda: 0.0),
        parse_body=parse_body,
    )


PLAIN = TicketQuery(row_limit=50)


def test_the_first_reading_is_one_transaction_and_leaves_a_plan() -> None:
    world, request, trace = World(), make_request(PLAIN), RequestTrace()
    assert world.find_plan(request) is None
    reading = world.answer(request, trace)
    assert (world.asked, read_rows(reading), reading.validator) == (["transaction"], ROWS, SNAPSHOT.validator)
    assert (reading.answer.rows, reading.answer.truncated) == (2, False)
    assert world.find_plan(request) is not None
    assert (trace.user_id, trace.perspective_id) == (7, 3)
    assert world.remembered == [CREDENTIALS.digest]


def test_the_plan_has_every_look_up_as_a_precondition() -> None:
    world, request = World(), make_request(PLAIN)
    world.answer(request)
    plan = world.find_plan(request)
    assert plan is not None
    for what in ("a token", "a perspective", "names"):
        assert f"looked up {what}" in plan.checked.sql
        assert f"looked up {what}" not in plan.unchecked.sql


def test_the_size_of_a_plan_covers_its_question_and_both_statements() -> None:
    world, request = World(), make_request(PLAIN)
    world.answer(request)
    plan = world.find_plan(request)
    assert plan is not None
    asked = len(request.raw_body or b"") + len(request.content_type)
    assert plan.size >= asked + len(plan.checked.sql) + len(plan.unchecked.sql)


def test_under_the_snapshot_of_the_plan_the_unchecked_statement_is_enough() -> None:
    world, request, trace = World(), make_request(PLAIN), RequestTrace()
    first = world.answer(request)
    again = world.answer(request, trace)
    assert world.asked == ["transaction", "unchecked"]
    assert again.answer == first.answer
    assert again.validator == SNAPSHOT.validator
    assert (trace.user_id, trace.perspective_id) == (7, 3)


def test_a_plan_that_an_equal_request_has_left_meanwhile_is_used() -> None:
    world, request = World(), make_request(PLAIN)
    world.answer(request)
    world.asked.clear()
    with world.budget.reserve("ann") as reservation:
        reading = world.reader.read(Miss(request, RequestTrace(), world.snapshot, None), reservation)
    assert (world.asked, read_rows(reading)) == (["unchecked"], ROWS)


def test_under_a_later_snapshot_the_plan_is_checked_once_and_is_then_of_that_snapshot() -> None:
    world, request = World(), make_request(PLAIN)
    world.answer(request)
    world.snapshot = LATER
    assert world.answer(request).validator == LATER.validator
    world.answer(request)
    assert world.asked == ["transaction", "checked", "unchecked"]


def test_a_plan_whose_precondition_has_changed_is_dropped_and_everything_is_read_anew() -> None:
    world, request = World(), make_request(PLAIN)
    world.answer(request)
    world.snapshot, world.holds, world.perspective = LATER, False, replace(RETURNS, id=4)
    trace = RequestTrace()
    reading = world.answer(request, trace)
    assert world.asked == ["transaction", "checked", "transaction"]
    assert (reading.answer.perspective_id, trace.perspective_id) == (4, 4)
    world.holds = True
    assert world.answer(request).answer.perspective_id == 4
    assert world.asked[3:] == ["unchecked"]


def test_a_plan_that_fails_leaves_none_where_reading_anew_fails_too() -> None:
    world, request = World(), make_request(TicketQuery(Selector(id=3)))
    world.answer(request)
    world.snapshot, world.holds, world.perspective = LATER, False, replace(RETURNS, id=4)
    with pytest.raises(NotFound):
        world.answer(request)
    assert world.find_plan(request) is None


def test_rows_of_another_server_are_proved_by_nothing() -> None:
    world, request = World(), make_request(PLAIN)
    world.server = replace(SERVER, generation=2)
    assert world.answer(request).validator is None
    assert world.answer(request).validator is None
    assert world.asked == ["transaction", "checked"]


def test_what_is_not_stored_in_tables_is_proved_by_nothing_and_checked_every_time() -> None:
    world, request = World(is_provable=False), make_request(PLAIN)
    readings = [world.answer(request) for _ in range(3)]
    assert [(reading.validator, reading.is_provable) for reading in readings] == [(None, False)] * 3
    assert world.asked == ["transaction", "checked", "checked"]
    plan = world.find_plan(request)
    assert plan is not None
    assert not plan.is_provable


def test_a_plan_is_of_one_token_and_one_body() -> None:
    world = World()
    world.answer(make_request(PLAIN))
    assert world.find_plan(make_request(TicketQuery(row_limit=51))) is None
    assert world.find_plan(make_request(PLAIN, Credentials("b" * 64))) is None


def test_a_plan_does_not_let_a_token_in_that_time_or_place_forbid() -> None:
    world, request, trace = World(), make_request(PLAIN), RequestTrace()
    world.answer(request)
    world.fault = Forbidden()
    with pytest.raises(Forbidden):
        world.answer(request, trace)
    assert (trace.user_id, trace.perspective_id) == (7, None)


@pytest.mark.parametrize(
    ("credentials", "fault", "expected"),
    [
        (Credentials("b" * 64), None, Unauthenticated),
        (CREDENTIALS, Forbidden(), Forbidden),
        (CREDENTIALS, None, MalformedJson),
    ],
)
def test_who_asks_comes_before_what_is_asked(
    credentials: Credentials, fault: Exception | None, expected: type[Exception]
) -> None:
    world = World(fault=fault)
    request = make_request(None, credentials)
    with pytest.raises(expected):
        world.answer(request)
    assert world.find_plan(request) is None


def make_rows(count: int, text: str = LONG) -> list[tuple[Any, ...]]:
    return [(number, text) for number in range(count)]


def read_rows(reading: Reading) -> list[tuple[Any, ...]]:
    return [tuple(row.values())[:2] for row in json.loads(reading.answer.body)["data"]]


def test_a_list_that_nobody_has_read_comes_in_parts_of_growing_size() -> None:
    world, rows = World(rows=make_rows(2000)), make_rows(2000)
    reading = world.answer(make_request(TicketQuery(row_limit=5000)))
    assert (read_rows(reading), reading.answer.rows, reading.answer.truncated) == (rows, 2000, False)
    assert world.parts[0] == (FIRST_ROWS, FIRST_ROWS)
    assert world.parts[1] == (GROWTH * FIRST_ROWS, GROWTH * FIRST_ROWS)
    assert all(asked * LONG_BYTES <= PART_BYTES for asked, _ in world.parts)
    assert len(world.parts) == 10


def test_rows_that_become_longer_come_in_smaller_parts() -> None:
    world = World(rows=[*make_rows(100, "short"), *make_rows(1000, 20 * LONG)])
    reading = world.answer(make_request(TicketQuery(row_limit=5000)))
    assert (reading.answer.rows, reading.answer.truncated) == (1100, False)
    assert [asked for asked, _ in world.parts][:2] == [FIRST_ROWS, GROWTH * FIRST_ROWS]
    assert [asked for asked, _ in world.parts][-1] == PART_BYTES // len(20 * LONG)


@pytest.mark.parametrize("count", [0, 1, FIRST_ROWS - 1, FIRST_ROWS, FIRST_ROWS + 1, 300, 301])
@pytest.mark.parametrize("row_limit", [1, FIRST_ROWS, 300])
def test_every_number_of_rows_is_whole_or_truncated(count: int, row_limit: int) -> None:
    world, request = World(rows=make_rows(count)[: row_limit + 1]), make_request(TicketQuery(row_limit=row_limit))
    for _ in range(2):
        reading = world.answer(request)
        assert read_rows(reading) == make_rows(count)[:row_limit]
        assert (reading.answer.rows, reading.answer.truncated) == (min(count, row_limit), count > row_limit)


def test_a_list_that_was_large_comes_in_parts_of_the_right_size_by_the_checked_statement() -> None:
    world, request = World(rows=make_rows(2000)), make_request(TicketQuery(row_limit=5000))
    first = world.answer(request)
    world.asked.clear()
    world.parts.clear()
    again = world.answer(request)
    assert (again.answer, again.validator) == (first.answer, SNAPSHOT.validator)
    assert world.asked == ["transaction", "checked"]
    assert len(world.parts) == 8
    assert max(asked for asked, _ in world.parts) * LONG_BYTES <= PART_BYTES


def test_a_large_list_whose_precondition_has_changed_is_read_anew() -> None:
    world, request = World(rows=make_rows(2000)), make_request(TicketQuery(row_limit=5000))
    world.answer(request)
    world.asked.clear()
    world.snapshot, world.holds = LATER, False
    assert world.answer(request).answer.rows == 2000
    assert world.asked == ["transaction", "checked", "transaction"]


def test_a_short_list_of_long_rows_that_may_become_large_comes_in_parts_and_one_of_short_rows_at_once() -> None:
    for text, asked in ((LONG, ["transaction", "checked"]), ("short", ["unchecked"])):
        world, request = World(rows=make_rows(20, text)), make_request(TicketQuery(row_limit=5000))
        world.answer(request)
        world.asked.clear()
        world.answer(request)
        assert world.asked == asked


def test_a_list_that_has_become_small_comes_at_once_again() -> None:
    world, request = World(rows=make_rows(2000)), make_request(TicketQuery(row_limit=2000))
    world.answer(request)
    world.rows = make_rows(20)
    world.answer(request)
    world.asked.clear()
    world.answer(request)
    assert world.asked == ["unchecked"]


def test_a_large_list_has_a_part_as_rows_and_no_more_than_its_text_beside_it() -> None:
    world = World(rows=make_rows(2000))
    sizes: list[int] = []
    fetch_more = world.fetch_more

    def watch(count: int) -> list[tuple[Any, ...]]:
        sizes.append(world.budget.used_bytes)
        return fetch_more(count)

    world.fetch_more = watch  # type: ignore[method-assign]
    reading = world.answer(make_request(TicketQuery(row_limit=5000)))
    assert sizes[0] == PART_MEMORY
    assert sizes == sorted(sizes)
    assert sizes[-1] <= len(reading.answer.body) + PART_MEMORY
    assert world.budget.used_bytes == 0


def test_a_list_without_room_is_refused_on_its_way_and_from_then_on_before_it_is_read() -> None:
    world, request = World(rows=make_rows(6000)), make_request(TicketQuery(row_limit=5000))
    with world.budget.reserve("bob") as reservation:
        reservation.grow(44 * 2**20)
        with pytest.raises(Overloaded):
            world.answer(request)
        assert 0 < sum(came for _, came in world.parts) < 5000
        world.asked.clear()
        with pytest.raises(Overloaded):
            world.answer(request)
        assert world.asked == []
        assert world.budget.used_bytes == 44 * 2**20
    assert world.answer(request).answer.rows == 5000


def test_a_list_that_was_too_large_and_has_become_smaller_is_answered() -> None:
    world, request = World(rows=make_rows(60_000)), make_request(TicketQuery(row_limit=60_000))
    with pytest.raises(Overloaded):
        world.answer(request)
    world.rows = make_rows(20)
    assert world.answer(request).answer.rows == 20
