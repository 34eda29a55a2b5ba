"""Behind a real PgBouncer in transaction mode: right answers, our settings everywhere, no proof of another life."""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from demo.loading import READER
from demo.pair import Pair
from demo.postgres import PostgresServer
from tests.support.pooler import PGBOUNCER, Pooler
from tests.support.running import SECONDS, Running, wait_until
from tests.support.servers import crash
from tests.support.shop import MARCUS, PRIYA, TOM, Shop, open_shop
from tickiti_query.cli import main
from tickiti_query.model.errors import QueryTimeout
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.execution import deadline_from_now
from tickiti_query.replica.replica import Replica

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer: nothing was asked through a pooler")

SESSIONS = 3
CALLERS = 8
UNTOLD = "A pooler is between the service and its replica, and TICKITI_POOLER does not say so."
BODIES = [{}, *({"perspective_id": number} for number in range(1, 8)), {"row_limit": 5000}]
# What a client of the pooler may leave behind in a session, for us to find.
LEFT_BEHIND = """
SET search_path = pg_catalog; SET statement_timeout = 0; SET default_transaction_read_only = off;
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';
PREPARE tickiti_query_1 AS SELECT 'wrong'; PREPARE tickiti_query_2 AS SELECT 'wrong'
"""


@pytest.fixture(scope="module")
def pooler(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooler]:
    """Three sessions on the standby, for everybody."""
    with Pooler(tmp_path_factory.mktemp("pooler"), shop_pair.standby, sessions=SESSIONS) as started:
        yield started


@pytest.fixture
def pooled(shop_pair: Pair, pooler: Pooler) -> Shop:
    return open_shop(shop_pair, replica_url=pooler.url, pooler="transaction")


@contextlib.contextmanager
def open_replica(url: str, timeout_ms: int = 5000, **given: Any) -> Iterator[Replica]:
    target = Target(url, "reporting", timeout_ms, is_pooled=True)
    with contextlib.closing(Replica(target, connections=2, **given)) as replica:
        yield replica


def soon() -> Deadline:
    """A deadline that is later than every limit of the replica's own."""
    return deadline_from_now(30)


def list_sessions(server: PostgresServer) -> list[int]:
    """The process ids of the pooler's sessions."""
    rows = server.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", (READER,))
    return [pid for (pid,) in rows]


def find_checkpointer(server: PostgresServer) -> int | None:
    """The process id of its checkpointer, which is another one after a crash; None while nothing answers."""
    try:
        rows = server.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    except psycopg2.OperationalError:
        return None
    return rows[0][0] if rows else None


def test_the_answers_are_those_of_a_connection_of_our_own(shop: Shop, pooled: Shop) -> None:
    for token in (PRIYA, TOM, MARCUS):
        for body in BODIES:
            direct, first, again = shop.ask(token, body), pooled.ask(token, body), pooled.ask(token, body)
            assert (first.status_code, first.data) == (direct.status_code, direct.data)
            assert again.data == first.data
            if again.status_code == 200:
                assert "; hit;" in again.headers["Cache-Status"]
    assert pooled.probe()[0] == 200


def test_what_is_committed_is_in_every_later_answer_of_two_workers(
    shop_pair: Pair, pooler: Pooler, tmp_path: Path
) -> None:
    """Sixteen threads share three sessions, and no answer is older than its question."""
    body = json.dumps({"perspective_id": 3, "row_limit": 1})
    [before] = shop_pair.primary.execute("SELECT subject FROM reporting.tickets WHERE id = 1")
    committed, rounds = [0], 40
    running = Running(pooler.url, tmp_path / "log", TICKITI_POOLER="transaction")

    def write() -> None:
        for number in range(1, rounds + 1):
            update = "UPDATE reporting.tickets SET subject = %s WHERE id = 1"
            shop_pair.primary.execute(update, (str(number),))
            committed[0] = number

    def ask(token: str) -> int:
        asked = 0
        while committed[0] < rounds or not asked:
            least = committed[0]
            status, answer = running.ask(token, body)
            assert status == 200, answer
            assert least <= int(answer["data"][0]["subject"])
            asked += 1
        return asked

    try:
        wait_until(running.is_up)
        shop_pair.primary.execute("UPDATE reporting.tickets SET subject = '0' WHERE id = 1")
        with ThreadPoolExecutor(CALLERS + 1) as threads:
            callers = [threads.submit(ask, (PRIYA, TOM)[number % 2]) for number in range(CALLERS)]
            threads.submit(write).result(SECONDS)
            assert all(caller.result(SECONDS) for caller in callers)
        assert len(pooler.command("SHOW SERVERS")) <= SESSIONS
    finally:
        running.end()
        shop_pair.primary.execute("UPDATE reporting.tickets SET subject = %s WHERE id = 1", before)


def test_our_settings_hold_in_every_statement_whatever_others_left_behind(shop_pair: Pair, tmp_path: Path) -> None:
    with (
        Pooler(tmp_path / "one", shop_pair.standby, sessions=1) as one,
        contextlib.closing(psycopg2.connect(one.url)) as other,
        open_replica(one.url) as replica,
    ):
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute(LEFT_BEHIND)
        wanted = {**Target(one.url, "reporting", 5000).settings, "transaction_read_only": "on"}
        del wanted["default_transaction_read_only"]
        shown = ", ".join(f"current_setting('{name}') AS {name.lower()}" for name in wanted)
        statement = Statement(f"SELECT {shown}", is_repeated=True)
        first, second = replica.read(lambda source: [source.fetch(statement), source.fetch(statement)], soon())
        _, asked = replica.ask(statement, soon())
        for [row] in (first, second, asked):
            found = {name: normalize(name, value) for name, value in zip(wanted, row, strict=True)}
            assert found == wanted
        assert replica.observe(soon()).validator is not None
        uncached = open_shop(shop_pair, replica_url=one.url, pooler="transaction", cache_ttl_seconds=0)
        assert uncached.list_rows(PRIYA) == open_shop(shop_pair).list_rows(PRIYA)
        # And nothing of ours is left for others.
        with other.cursor() as cursor:
            cursor.execute("SELECT current_setting('search_path'), current_setting('TimeZone')")
            assert cursor.fetchall() == [("pg_catalog", "Asia/Tokyo")]
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement NOT LIKE '%wrong%'")
            assert cursor.fetchall() == [(0,)]


def normalize(name: str, value: str) -> str:
    """A setting in the form in which it was given."""
    if name == "DateStyle":
        return value.partition(",")[0]
    return str(1000 * int(value[:-1])) if value[:-1].isdigit() and value.endswith("s") else value


@pytest.mark.parametrize("way", ["ask", "first", "second"])
def test_the_time_limit_holds_for_every_statement(pooler: Pooler, way: str) -> None:
    nap = Statement("SELECT pg_sleep(10)")
    with open_replica(pooler.url, timeout_ms=200) as replica:
        ways: dict[str, Callable[[], Any]] = {
            "ask": lambda: replica.ask(nap, soon()),
            "first": lambda: replica.read(lambda source: source.fetch(nap), soon()),
            "second": lambda: replica.read(
                lambda source: (source.fetch(Statement("SELECT 1")), source.fetch(nap)), soon()
            ),
        }
        with pytest.raises(QueryTimeout) as late:
            ways[way]()
    assert getattr(late.value.__cause__, "pgcode", None) == "57014"  # the server's own limit, not ours


@pytest.mark.parametrize("name", ["standby", "primary"])
def test_a_crash_behind_the_pooler_ends_every_proof(shop_pair: Pair, tmp_path: Path, name: str) -> None:
    """Our connection to the pooler lives on, the postmaster too, and the snapshot reads as before."""
    server: PostgresServer = getattr(shop_pair, name)
    with (
        contextlib.ExitStack() as ends,
        Pooler(tmp_path / name, server, sessions=1) as one,
        open_replica(one.url, require_standby=False) as replica,
    ):
        ends.callback(shop_pair.start)
        before, again = replica.observe(soon()), replica.observe(soon())
        assert before.validator == again.validator is not None
        checkpointer = find_checkpointer(server)
        os.kill(list_sessions(server)[0], signal.SIGKILL)
        wait_until(lambda: find_checkpointer(server) not in {checkpointer, None})
        after = replica.observe(soon())
        assert after.snapshot_id.server.generation == before.snapshot_id.server.generation
        assert (after.snapshot_id.server.system, after.snapshot_id.position.split(" ", 1)[1]) == (
            before.snapshot_id.server.system,
            before.snapshot_id.position.split(" ", 1)[1],
        )
        assert after.snapshot_id.server != before.snapshot_id.server
        assert after.validator != before.validator


def test_a_restart_behind_the_pooler_serves_no_old_proof(shop_pair: Pair, pooled: Shop) -> None:
    rows = pooled.list_rows(PRIYA)
    assert "; hit;" in pooled.ask(PRIYA).headers["Cache-Status"]
    crash(shop_pair.standby)
    assert pooled.ask(PRIYA).status_code == 503
    shop_pair.start()
    wait_until(lambda: pooled.probe()[0] == 200)
    response = pooled.ask(PRIYA)
    assert (response.status_code, response.get_json()["data"]) == (200, rows)
    assert "fwd=miss; stored" in response.headers["Cache-Status"]


def test_a_pooler_that_leads_elsewhere_is_found_out_without_a_new_connection(shop_pair: Pair, tmp_path: Path) -> None:
    with (
        Pooler(tmp_path / "moving", shop_pair.standby, sessions=1) as moving,
        open_replica(moving.url, require_standby=False) as replica,
    ):
        pooled = open_shop(shop_pair, replica_url=moving.url, pooler="transaction")
        assert pooled.ask(PRIYA).status_code == 200
        before = replica.observe(soon()).snapshot_id.server
        moving.lead_to(shop_pair.primary)
        after = replica.observe(soon()).snapshot_id.server
        assert (after.generation, after.system) == (before.generation, before.system)
        assert after != before
        response = pooled.ask(PRIYA)
        assert (response.status_code, response.get_json()["error"]) == (503, "replica_unavailable")
        assert pooled.probe()[1]["checks"]["standby"] != "ok"
        moving.lead_to(shop_pair.standby)
        assert pooled.ask(PRIYA).status_code == 200


def test_sessions_that_are_ended_behind_the_pooler_cost_a_503_at_most(shop_pair: Pair, pooler: Pooler) -> None:
    uncached = open_shop(shop_pair, replica_url=pooler.url, pooler="transaction", cache_ttl_seconds=0)
    rows = uncached.list_rows(PRIYA)
    for _ in range(10):
        for pid in list_sessions(shop_pair.standby):
            shop_pair.standby.execute("SELECT pg_terminate_backend(%s)", (pid,))
        response = uncached.ask(PRIYA)
        assert response.status_code == 503 or response.get_json()["data"] == rows
    wait_until(lambda: uncached.ask(PRIYA).status_code == 200)


@pytest.mark.parametrize("settings", ["", "ignore_startup_parameters = options"])
def test_a_pooler_that_we_were_not_told_of_is_named(
    shop_pair: Pair,
    tmp_path: Path,
    settings: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Pooler(tmp_path / "untold", shop_pair.standby, sessions=1, settings=settings) as untold:
        shop = open_shop(shop_pair, replica_url=untold.url)
        response = shop.ask(PRIYA)
        assert (response.status_code, response.get_json()["message"]) == (503, UNTOLD)
        assert shop.probe()[1]["checks"]["replica"] == UNTOLD
        monkeypatch.setenv("TICKITI_REPLICA_URL", untold.url)
        assert main(["check"]) == 2
        assert UNTOLD in capsys.readouterr().err


def test_check_finds_the_same_behind_the_pooler(
    shop_pair: Pair, pooler: Pooler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for mode, url in (("none", shop_pair.standby.url_for(READER)), ("transaction", pooler.url)):
        monkeypatch.setenv("TICKITI_REPLICA_URL", url)
        monkeypatch.setenv("TICKITI_POOLER", mode)
        main(["check"])
        lines = capsys.readouterr().out.splitlines()
        found.append([line for line in lines if "connected to" not in line and " lag: " not in line])
    assert found[0] == found[1]
    assert len(found[0]) > 5
