"""The service through gunicorn, sockets and all, while the world changes: never wrong, and no work done twice."""

import contextlib
import itertools
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.loading import create_reader, create_schema
from demo.pair import Pair
from tests.oracle.example import ANN, BOB, CLEO, ROOT
from tests.oracle.random_choices import ROWS
from tests.oracle.values import World
from tests.support.gate import NAP, PATIENT, count_sleeping, open_gate, read_through
from tests.support.interleavings import (
    LONG_AGO,
    READER,
    SCHEMA,
    WORKERS,
    Change,
    Door,
    Environment,
    Found,
    Question,
    ask_at_once,
    begin,
    digest,
    expect,
    find_fault,
    make_start,
    open_new_door,
    secret_of,
    send_all,
)
from tests.support.running import SECONDS, Running, wait_until
from tickiti_query.cache.snapshot import STATE_STATEMENTS
from tickiti_query.model.errors import Overloaded, QueryTimeout, ReplicaUnavailable

T = TypeVar("T")

# `TICKITI_INTERLEAVINGS=5000 ./script/test tests/integration/test_interleavings.py` is the longer run.
EXAMPLES = int(os.environ.get("TICKITI_INTERLEAVINGS", "60"))
THREADS = 8
ROUNDS = 30
ENOUGH = 100
TTL_SECONDS = 4
LONG = "3600"  # seconds that no test takes
ENVIRONMENTS = ("environment", "uncached")
READINESS = "(SELECT num_nulls("  # begins each reading of a row, in write_row_reading


@dataclass(frozen=True)
class Sent:
    """The statements of one round trip; `prepared` is what the service had sent before for what it executes."""

    text: str
    prepared: str = ""

    def does_read(self, table: str) -> bool:
        """Return True where a request reads the table. Any service here may check its readiness at any time."""
        if READINESS in self.text:
            return False
        if re.match(r"(BEGIN[^;]*;\s*)?PREPARE\b", self.text) and "EXECUTE" not in self.text:
            return False  # it reads when it is executed
        return bool(re.search(rf"\b(FROM|JOIN)\s+{table}\b", f"{self.text}\n{self.prepared}"))


class Written:
    """The standby's log from now on, which has the statements of the service."""

    def __init__(self, pair: Pair) -> None:
        self._log = pair.standby.log
        self._begin = self._log.stat().st_size

    def list_sent(self) -> list[Sent]:
        """In the order of the log."""
        with self._log.open("rb") as log:
            log.seek(self._begin)
            text = log.read().decode("utf-8", "replace")
        sent: dict[str, list[Sent]] = {}  # by the process; what it executes comes right after it
        order = []
        for line in re.split(r"(?m)^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", text):
            process = line.partition("[")[2].partition("]")[0]
            if "LOG:  statement: " in line:
                sent.setdefault(process, []).append(Sent(line.partition("statement: ")[2].strip()))
                order.append((process, len(sent[process]) - 1))
            elif "DETAIL:  prepare: " in line and process in sent:
                sent[process][-1] = replace(sent[process][-1], prepared=line.partition("prepare: ")[2])
        return [sent[process][number] for process, number in order]

    def count_reading(self, table: str) -> int:
        return sum(sent.does_read(table) for sent in self.list_sent())


@pytest.fixture(scope="module")
def schema(pair: Pair) -> Iterator[str]:
    """A schema of our own, and a role for it whose statements the standby logs."""
    with contextlib.closing(pair.primary.connect()) as primary:
        create_schema(primary, SCHEMA)
        create_reader(primary, SCHEMA, READER)
        with primary.cursor() as cursor:
            cursor.execute(f"ALTER ROLE {READER} SET log_statement = 'all'")
    yield SCHEMA
    pair.primary.execute(f"DROP SCHEMA {SCHEMA} CASCADE; DROP ROLE {READER}")


@contextlib.contextmanager
def serve(pair: Pair, log: Path, **changes: str) -> Iterator[Environment]:
    """gunicorn over the schema, and the environment before it."""
    given = {"TICKITI_REPLICA_SCHEMA": SCHEMA, "TICKITI_LOG_LEVEL": "warning", **changes}
    running = Running(pair.standby.url_for(READER), log, **given)
    primary, second = pair.primary.connect(), pair.primary.connect()
    primary.autocommit = second.autocommit = False
    has_cache = changes["TICKITI_CACHE_TTL_SECONDS"] != "0"
    environment = Environment(primary, second, running, has_cache=has_cache)
    try:
        wait_until(running.is_up)
        yield environment
    finally:
        environment.close()
        running.end()
        primary.close()
        second.close()


@pytest.fixture(scope="module")
def environment(pair: Pair, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Two workers, in exact mode."""
    log = tmp_path_factory.mktemp("interleavings") / "log"
    with serve(pair, log, TICKITI_WORKERS=str(WORKERS), TICKITI_CACHE_TTL_SECONDS=LONG) as opened:
        yield opened


@pytest.fixture(scope="module")
def uncached(pair: Pair, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Two workers that keep no answer."""
    log = tmp_path_factory.mktemp("uncached") / "log"
    given = {"TICKITI_WORKERS": str(WORKERS), "TICKITI_CACHE_TTL_SECONDS": "0"}
    with serve(pair, log, **given) as opened:
        yield opened


@pytest.fixture(scope="module")
def worker(pair: Pair, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One worker with eight threads, in exact mode."""
    log = tmp_path_factory.mktemp("worker") / "log"
    given = {"TICKITI_WORKERS": "1", "TICKITI_THREADS": str(THREADS), "TICKITI_CACHE_TTL_SECONDS": LONG}
    with serve(pair, log, **PATIENT, **given) as opened:
        yield opened


@pytest.fixture
def uncached_worker(pair: Pair, schema: str, tmp_path: Path) -> Iterator[Environment]:
    """One worker that keeps no answer."""
    given = {"TICKITI_WORKERS": "1", "TICKITI_THREADS": str(THREADS), "TICKITI_CACHE_TTL_SECONDS": "0"}
    with serve(pair, tmp_path / "log", **PATIENT, **given) as opened:
        yield opened


@pytest.fixture(scope="module")
def ttl_worker(pair: Pair, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One worker in ttl mode."""
    log = tmp_path_factory.mktemp("ttl") / "log"
    given = {"TICKITI_FRESHNESS": "ttl", "TICKITI_CACHE_TTL_SECONDS": str(TTL_SECONDS)}
    with serve(pair, log, TICKITI_WORKERS="1", **given) as opened:
        yield opened


def ask_of(user_id: int, text: str = "{}") -> Question:
    """A question with the token of a user of the example."""
    return Question(user_id, 0, True, text.encode())


def change(world: World, table: str, row_id: int, **columns: Any) -> Change:
    """An update of the row with this id."""
    row = next(row for row in world[table] if row["id"] == row_id)
    return Change(table, row, {**row, **columns})


def drop(world: World, table: str, **key: Any) -> Change:
    """The deletion of the row with this key."""
    row = next(row for row in world[table] if key.items() <= row.items())
    return Change(table, row, None)


def check(world: World, question: Question, found: Found) -> None:
    """The answer must be the oracle's on this world."""
    fault = find_fault(expect(world, question), found)
    assert fault is None, fault


def keep_asking(door: Door, question: Question, now: Callable[[], T]) -> Iterator[tuple[T, Found, T]]:
    """Answers without end, each with the moments before and after it."""
    while True:
        yield now(), door.ask(question), now()
        time.sleep(0.02)


@contextlib.contextmanager
def slow_tickets(pair: Pair, seconds: float, *, is_kept: bool) -> Iterator[str]:
    """Reading the tickets takes so long, in a snapshot from before; the name of the table that has them meanwhile.

    `is_kept`: by a function that lets answers be kept.
    """
    pair.primary.execute(NAP.format(schema=SCHEMA))
    call = f"{SCHEMA}.nap(t.id, {seconds / len(make_start()['tickets'])})"
    with read_through(pair, call if is_kept else f"pg_sleep({seconds})", schema=SCHEMA, reader=READER) as table:
        yield table


def keep_quiet(worker: Environment) -> None:
    """Probe it: a worker that nobody probes for half a minute checks by itself, and reads the tickets for it."""
    wait_until(worker.running.is_up)


def wait_until_all_wait(worker: Environment) -> None:
    """Return once a worker has gone as far as it can with all that was sent before.

    It accepts connections in their order, and looks at each request before it answers this one, for which it asks the
    standby more than once.
    """
    with contextlib.closing(open_new_door(worker.port)) as door:
        assert door.ask(NOBODYS).status == 401


# Whatever happens ------------------------------------------------------------------------------------------

TALES = st.tuples(*[ROWS] * 5)  # perspectives, bodies, and the steps in three parts


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", ENVIRONMENTS)
@settings(max_examples=EXAMPLES)
@given(drawn=TALES)
def test_every_answer_is_the_oracles_whatever_was_committed_before(
    request: pytest.FixtureRequest, name: str, drawn: tuple[list[bytes], ...]
) -> None:
    perspectives, bodies, *steps = drawn
    environment = request.getfixturevalue(name)
    begin(environment, perspectives, bodies).play(step for part in steps for step in part)


NOBODYS = Question(99, 0, True, b"{}")
BUSY = {error.default_message for error in (Overloaded, QueryTimeout, ReplicaUnavailable)}


class Race:
    """One who commits without pause, and many who ask the same and something else; the subject of a ticket counts."""

    def __init__(self, environment: Environment, table: str, seconds: float) -> None:
        self._environment = environment
        self._table = table
        self._least_end = time.monotonic() + seconds
        self._last_end = time.monotonic() + seconds + SECONDS
        self._committed = 0
        self._answered = 0
        self.answers = 0

    def write(self) -> None:
        for number in itertools.count(1):
            if self._is_over():
                return
            with self._environment.primary, self._environment.primary.cursor() as cursor:
                cursor.execute(f"UPDATE {self._table} SET subject = 'n{number}' WHERE id = 1")
            self._committed = number

    def _is_over(self) -> bool:
        """A slow machine takes longer for enough answers."""
        return time.monotonic() > (self._least_end if self.answers > ENOUGH else self._last_end)

    def read(self, number: int) -> None:
        question = ask_of(ANN, json.dumps({"row_limit": 50 + number % 2}))
        with contextlib.closing(Door(self._environment.port, keep=True)) as door:
            while not self._is_over():
                least = max(self._committed, self._answered)
                found = door.ask(question)
                if found.status in {503, 504}:  # a machine that is busy with something else
                    assert found.body["message"] in BUSY
                    continue
                [subject] = [row["subject"] for row in found.body["data"] if row["ticket_id"] == 1]
                seen = int(subject[1:]) if re.fullmatch(r"n\d+", subject) else 0
                assert seen >= least, found.cache_status
                self._answered = max(self._answered, seen)
                self.answers += 1


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "read each time"])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_answer_is_older_than_what_was_there_before_it_was_asked(
    request: pytest.FixtureRequest, pair: Pair, name: str, is_kept: bool
) -> None:
    environment: Environment = request.getfixturevalue(name)
    environment.load(make_start())
    with slow_tickets(pair, 0.01, is_kept=is_kept) as table, ThreadPoolExecutor(17) as threads:
        race = Race(environment, table, seconds=4)
        for each in [threads.submit(race.write), *[threads.submit(race.read, n) for n in range(16)]]:
            each.result()
    assert race.answers > ENOUGH


# What changes, and what is gone then -----------------------------------------------------------------------


def list_events() -> Iterator[tuple[str, Question, Change, int]]:
    """(name, question, what is committed, the status afterwards)."""
    world = make_start()
    tickets, tokens, users = "tickets", "personal_access_tokens", "users"
    mine = ask_of(ANN, '{"perspective_id": 50}')
    yield "a ticket is written", ask_of(ANN), change(world, tickets, 1, subject="b"), 200
    yield "a ticket is soft-deleted", ask_of(ANN), change(world, tickets, 1, deleted_at=LONG_AGO), 200
    yield "a ticket is deleted", ask_of(ANN), drop(world, tickets, id=1), 200
    yield "a ticket leaves the user's queues", ask_of(ANN), change(world, tickets, 1, queue_id=3), 200
    permission = drop(world, "queue_permissions", user_id=ANN, queue_id=1)
    yield "a permission is withdrawn", ask_of(ANN), permission, 200
    assert permission.before
    blind = Change("queue_permissions", permission.before, {**permission.before, "can_view": False})
    yield "a queue may not be viewed any more", ask_of(ANN), blind, 200
    yield (
        "a user sees all queues no more",
        ask_of(ROOT),
        change(world, users, ROOT, sees_all_queues=False),
        200,
    )
    yield "a token is revoked", ask_of(ANN), drop(world, tokens, id=ANN), 401
    yield (
        "a secret is issued anew",
        ask_of(ANN),
        change(world, tokens, ANN, token=digest(secret_of(ANN, 1))),
        401,
    )
    yield "a token expires", ask_of(ANN), change(world, tokens, ANN, expires_at=LONG_AGO), 401
    yield "a token loses its ability", ask_of(ANN), change(world, tokens, ANN, abilities="[]"), 403
    yield (
        "a token is tied to an address",
        ask_of(ANN),
        change(world, tokens, ANN, allowed_ip="10.0.0.0/8"),
        403,
    )
    yield "a token becomes another user's", ask_of(ANN), change(world, tokens, ANN, tokenable_id=BOB), 200
    yield "a user becomes inactive", ask_of(ANN), change(world, users, ANN, is_active=False), 401
    yield "a user is staff no more", mine, change(world, users, ANN, is_staff=False), 404
    yield "a perspective is deleted", mine, drop(world, "perspectives", id=50), 404
    closed = {"perspective_id": 50, "position": 0, "field": "status", "operator": "is", "value": "closed"}
    yield "a perspective gets a condition", mine, Change("perspective_conditions", None, closed), 200
    order = {"perspective_id": 50, "position": 0, "field": "number", "ascending": False}
    yield "a perspective gets an order", mine, Change("perspective_orders", None, order), 200


EVENTS = {name: (question, event, status) for name, question, event, status in list_events()}


@pytest.mark.parametrize("name", EVENTS)
def test_the_first_answer_after_a_commit_knows_of_it(worker: Environment, name: str) -> None:
    question, event, status = EVENTS[name]
    world = make_start()
    worker.load(world)
    with contextlib.closing(Door(worker.port, keep=True)) as door:
        first, again = door.ask(question), door.ask(question)
        assert first.cache_status == "tickiti-query; fwd=miss; stored"
        assert re.fullmatch(r"tickiti-query; hit; ttl=3[56]\d\d", again.cache_status)
        check(world, question, first)
        assert again.body == first.body
        worker.commit([event])
        after = door.ask(question)
        assert after.status == status
        assert after.body != first.body
        assert not after.is_hit
        check(event.apply(world), question, after)
        assert status != 200 or door.ask(question).is_hit


def test_a_token_that_ends_between_two_hits_is_refused_at_the_second(worker: Environment) -> None:
    lives = (1.5, 6, 24)  # seconds: a slow machine may see no hit in the first
    assert any(count_hits_of_a_life(worker, seconds) > 1 for seconds in lives)


def count_hits_of_a_life(worker: Environment, seconds: float) -> int:
    """Ask until the token has ended and is refused."""
    world, question = make_start(), ask_of(ANN)
    worker.load(world)
    ends = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds)
    worker.commit([change(world, "personal_access_tokens", ANN, expires_at=ends)])
    hits = 0
    with contextlib.closing(Door(worker.port, keep=True)) as door:
        for sent, found, answered in keep_asking(door, question, lambda: datetime.now(UTC).replace(tzinfo=None)):
            assert found.status == 200 or answered >= ends
            hits += found.is_hit
            if sent > ends:
                assert found.status == 401
                return hits
    raise AssertionError


@pytest.mark.parametrize("text", ['{"perspective_id": 50}', '{"search_object": {"search_perspective": "Mine"}}', "{}"])
def test_what_a_customer_does_not_have_is_not_there_whatever_all_may_be(worker: Environment, text: str) -> None:
    world, question = make_start(), ask_of(CLEO, text)
    broken = {"id": 1, "name": "All", "is_builtin": True, "owner_id": None, "impersonate_user_id": 99}
    world["perspectives"].append({**world["perspectives"][0], **broken})
    worker.load(world)
    with contextlib.closing(Door(worker.port, keep=True)) as door:
        found = door.ask(question)
    check(world, question, found)
    assert found.status == (501 if text == "{}" else 404)


# In ttl mode -----------------------------------------------------------------------------------------------


def test_in_ttl_mode_an_answer_is_given_until_its_time_is_up_and_no_longer(ttl_worker: Environment) -> None:
    world = make_start()
    ttl_worker.load(world)
    events = {
        ask_of(ANN): drop(world, "tickets", id=1),
        ask_of(BOB): drop(world, "personal_access_tokens", id=BOB),
        ask_of(CLEO): drop(world, "queue_permissions", user_id=CLEO, queue_id=1),
    }
    now = time.monotonic
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(events)) as threads:
        doors = [stack.enter_context(contextlib.closing(Door(ttl_worker.port, keep=True))) for _ in events]
        firsts = [next(keep_asking(door, question, now)) for door, question in zip(doors, events, strict=True)]
        ttl_worker.commit(events.values())
        world = reduce(lambda before, event: event.apply(before), events.values(), world)

        def follow(door: Door, question: Question, first: tuple[float, Found, float]) -> int:
            """Return the number of times that the old answer came."""
            began, old, ended = first
            for times, (sent, found, answered) in enumerate(keep_asking(door, question, now)):
                if found.status != 200 or not found.is_hit:
                    assert answered >= began + TTL_SECONDS
                    check(world, question, found)
                    return times
                assert found.body == old.body
                assert sent <= ended + TTL_SECONDS
            raise AssertionError

        times = list(threads.map(follow, doors, events, firsts))
    assert min(times) > 3


# What the database's own log says --------------------------------------------------------------------------


def test_equal_requests_at_once_run_one_statement_for_the_rows(worker: Environment, pair: Pair) -> None:
    world = make_start()
    worker.load(world)
    for limit in range(1, ROUNDS + 1):
        question = ask_of(ANN, json.dumps({"row_limit": limit}))
        keep_quiet(worker)
        written = Written(pair)
        answers = ask_at_once(worker.port, [question] * THREADS)
        for found in answers:
            check(world, question, found)
        assert written.count_reading("tickets") == 1, f"round {limit}"
        worker.commit([])


def test_those_who_come_while_it_runs_wait_for_it_and_others_get_their_own(worker: Environment, pair: Pair) -> None:
    world = make_start()
    worker.load(world)
    questions = [ask_of(ANN)] * (THREADS - 2) + [ask_of(BOB)] * 2
    with open_gate(pair, schema=SCHEMA, reader=READER) as gate:
        ask_at_once(worker.port, [ask_of(ANN), ask_of(BOB)])  # what an earlier world had is forgotten
        keep_quiet(worker)
        gate.close()
        worker.commit([])
        written = Written(pair)
        with send_all(worker.port, questions) as doors:
            wait_until(lambda: written.count_reading("tickets") == 2)
            wait_until_all_wait(worker)
            gate.open()
            for question, door in zip(questions, doors, strict=True):
                check(world, question, door.receive())
    assert written.count_reading("tickets") == 2
    assert written.count_reading("personal_access_tokens") == 2 + 1  # and nobody's


def test_without_a_cache_those_who_come_while_it_runs_share_the_next(uncached_worker: Environment, pair: Pair) -> None:
    world, worker = make_start(), uncached_worker
    worker.load(world)
    with open_gate(pair, schema=SCHEMA, reader=READER) as gate:
        ask_at_once(worker.port, [ask_of(ANN)])
        keep_quiet(worker)
        gate.close()
        worker.commit([])
        written = Written(pair)
        with send_all(worker.port, [ask_of(ANN)]) as firsts:
            wait_until(lambda: written.count_reading("tickets") == 1)
            with send_all(worker.port, [ask_of(ANN)] * THREADS) as late:
                wait_until_all_wait(worker)
                gate.open()
                for door in (*firsts, *late):
                    check(world, ask_of(ANN), door.receive())
    # One for the first, one for those who waited meanwhile, and nobody's. Rows that were read alone and see the commit
    # are read again with their preconditions.
    assert written.count_reading("personal_access_tokens") == 2 + 1
    assert written.count_reading("tickets") <= 2 * 2


def test_without_a_cache_nobody_is_on_a_flight_from_before_what_was_committed(
    uncached: Environment, pair: Pair
) -> None:
    world = make_start()
    uncached.load(world)
    event = change(world, "tickets", 1, subject="b")
    with (
        contextlib.closing(Door(uncached.port, keep=True)) as door,
        slow_tickets(pair, 0.5, is_kept=False) as table,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(door.ask, ask_of(ANN))
        # Not the log: the server writes a statement there before it takes the snapshot that the statement reads.
        wait_until(lambda: count_sleeping(pair, READER) == 1)
        pair.primary.execute(f"UPDATE {table} SET subject = 'b' WHERE id = 1")
        late = ask_at_once(uncached.port, [ask_of(ANN)] * THREADS)
        check(world, ask_of(ANN), first.result())
        for found in late:
            check(event.apply(world), ask_of(ANN), found)


def list_relations(pair: Pair, sent: Sent) -> list[str]:
    """The relations that the plan of a prepared statement reads."""
    text = re.sub(r"^PREPARE \w+ AS\s", "", sent.prepared)
    assert text.split() in [statement.sql.split() for statement in STATE_STATEMENTS.values()]
    [(plan,)] = pair.standby.execute(f"EXPLAIN (FORMAT JSON) {text}")
    nodes = [plan[0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    assert {node["Node Type"] for node in nodes} >= {"Function Scan"}
    return [node["Relation Name"] for node in nodes if "Relation Name" in node]


def has_executed_both(written: Written) -> bool:
    """True where the state was asked for with the lag and without it."""
    executed = [read_prepared(each) for each in written.list_sent() if each.text.startswith("EXECUTE")]
    return all(statement.sql.split() in executed for statement in STATE_STATEMENTS.values())


def read_prepared(sent: Sent) -> list[str]:
    """The words of the statement that was prepared, and is executed."""
    return re.sub(r"^PREPARE \w+ AS\s", "", sent.prepared).split()


@pytest.mark.parametrize("is_kept", [False, True], ids=["new connections", "a kept connection"])
def test_a_hit_is_one_statement_that_reads_no_table(worker: Environment, pair: Pair, is_kept: bool) -> None:
    worker.load(make_start())
    with contextlib.closing(Door(worker.port, keep=is_kept)) as door:
        door.ask(ask_of(ANN))  # what was cached of the schema, which an earlier test has changed, is forgotten
        worker.commit([])
        missed = Written(pair)
        assert not door.ask(ask_of(ANN)).is_hit
        assert missed.count_reading("tickets") == 1
        # A connection prepares either statement when it first asks for it.
        wait_until(lambda: door.ask(ask_of(ANN)).is_hit and has_executed_both(missed))
        keep_quiet(worker)
        written = Written(pair)
        assert all(door.ask(ask_of(ANN)).is_hit for _ in range(5))
    sent = written.list_sent()
    # Twice a second it asks for the lag as well.
    assert len(sent) == 5
    assert all(re.fullmatch(r"EXECUTE tickiti_query_\d+", each.text) for each in sent)
    assert [list_relations(pair, each) for each in sent] == [[]] * 5
