"""Faults of a replica, as a caller and a probe see them."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.loading import READER, create_reader, create_schema, load_world
from demo.pair import Pair
from tests.oracle.example import ANN, make_world
from tests.support.difference import make_tokens, secret_of
from tests.support.running import wait_until
from tests.support.servers import crash, pause_replay, promote, resume_replay
from tests.support.shop import PRIYA, READY, Shop, lock_relation, open_shop
from tickiti_query.cli import main

GRANT_SOME = "GRANT SELECT (id, name, email, is_staff, is_active) ON users TO tickiti_query"


def check_failing(shop: Shop, name: str) -> str:
    """Readiness is a 503 that names this check and no other; what the check says."""
    status, body = shop.probe()
    assert (status, body["ok"]) == (503, False)
    failing = {check: word for check, word in body["checks"].items() if word not in {"ok", "unknown"}}
    assert list(failing) == [name]
    return str(failing[name])


def check_unavailable(shop: Shop) -> None:
    response = shop.ask(PRIYA)
    assert (response.status_code, response.get_json()["error"]) == (503, "replica_unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_a_replica_that_is_fit_is_ready(shop: Shop) -> None:
    assert shop.probe() == (200, {"ok": True, "checks": READY})
    assert shop.probe("/livez") == (200, {"ok": True})


def test_a_statement_past_its_limit_is_a_504_and_the_service_goes_on(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, statement_timeout_ms=200, threads=1)
    with lock_relation(shop_pair):
        for _ in range(3):
            started = time.monotonic()
            response = shop.ask(PRIYA)
            assert (response.status_code, response.get_json()["error"]) == (504, "query_timeout")
            assert time.monotonic() - started < 5  # and not the request's own limit
    # The lock ends on the standby when the end of its transaction is replayed, which nobody waited for.
    statuses: list[int] = []

    def is_answered() -> bool:
        statuses.append(shop.ask(PRIYA).status_code)
        return statuses[-1] == 200

    wait_until(is_answered)
    assert set(statuses) <= {200, 504}


def test_without_a_replica_requests_and_probes_say_so(pair: Pair) -> None:
    for url in (
        "postgresql://tickiti_query@127.0.0.1:1/postgres",
        "postgresql://tickiti_query@/postgres?host=/nonexistent",
    ):
        shop = open_shop(pair, replica_url=url)
        check_unavailable(shop)
        check_failing(shop, "replica")
        assert shop.probe("/livez")[0] == 200


def test_a_schema_that_is_not_there_is_a_503_and_named(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, replica_schema="nowhere")
    check_unavailable(shop)
    assert "tickets" in check_failing(shop, "contract")


def test_a_schema_that_may_not_be_used_is_named_too(shop_pair: Pair) -> None:
    with contextlib.closing(shop_pair.primary.connect()) as connection, connection.cursor() as cursor:
        create_schema(connection, "narrow")
        try:
            assert "tickets" in check_failing(open_shop(shop_pair, replica_schema="narrow"), "contract")
        finally:
            cursor.execute("DROP SCHEMA narrow CASCADE")


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("ALTER TABLE tickets DROP COLUMN resolution", "tickets.resolution"),
        ("DROP TABLE responses", "responses"),
        ("REVOKE SELECT ON users FROM tickiti_query", "users"),
        (f"REVOKE ALL ON users FROM tickiti_query; {GRANT_SOME}", "users.sees_all_queues"),
    ],
)
def test_the_contract_check_names_what_is_missing(shop_pair: Pair, damage: str, missing: str) -> None:
    with contextlib.closing(shop_pair.primary.connect()) as connection, connection.cursor() as cursor:
        create_schema(connection, "narrow")
        create_reader(connection, "narrow")
        try:
            shop = open_shop(shop_pair, replica_schema="narrow")
            assert shop.probe()[0] == 200
            cursor.execute(f"SET search_path = narrow; {damage}")
            assert check_failing(shop, "contract").endswith(f": {missing}.")
        finally:
            cursor.execute("DROP SCHEMA narrow CASCADE")


def test_a_replica_too_far_behind_is_a_503_until_it_has_caught_up(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, max_replica_lag_seconds=1)
    assert shop.ask(PRIYA).status_code == 200
    pause_replay(shop_pair)
    try:
        with contextlib.closing(shop_pair.primary.connect(options="-c synchronous_commit=local")) as writer:
            writer.cursor().execute("UPDATE reporting.teams SET name = name WHERE id = 1")
        wait_until(lambda: shop.ask(PRIYA).status_code != 200)
        check_unavailable(shop)
        check_failing(shop, "lag")
    finally:
        resume_replay(shop_pair)
    shop_pair.wait_replayed()
    assert shop.ask(PRIYA).status_code == 200
    assert shop.probe()[0] == 200


def test_a_promoted_server_is_refused_unless_a_primary_will_do(tmp_path: Path) -> None:
    with Pair.create(tmp_path / "pair") as own:
        with contextlib.closing(own.primary.connect()) as connection:
            create_schema(connection)
            create_reader(connection)
        strict, lenient = open_shop(own), open_shop(own, require_standby=False)
        with strict.add_token() as (_, secret), strict.add_row("users", id=1, name="P", email="p@x.example"):
            assert [shop.ask(secret).status_code for shop in (strict, lenient)] == [200, 200]
            promote(own)
            response = strict.ask(secret)
            assert (response.status_code, response.get_json()["error"]) == (503, "replica_unavailable")
            check_failing(strict, "standby")
            assert lenient.ask(secret).status_code == 200
            assert lenient.probe()[0] == 200
            own.primary.stop()
            own.primary.start({"synchronous_standby_names": ""})  # its standby is gone, and rows are taken back
            own.primary.wait_ready()


def test_a_replica_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with Pair.create(tmp_path / "pair") as own:
        with contextlib.closing(own.primary.connect()) as connection:
            create_schema(connection)
            create_reader(connection)
        shop = open_shop(own, replica_url=own.standby.url_for(READER))
        crash(own.standby)
        check_unavailable(shop)
        check_failing(shop, "replica")
        own.start()
        assert shop.ask("nobody").status_code == 401
        assert shop.probe()[0] == 200


def damage_view(relation: str, body: str) -> str:
    """SQL that makes a relation a view, each of whose rows calls a function with this body."""
    return f"""
    SET search_path = narrow;
    ALTER TABLE {relation} RENAME TO kept;
    CREATE FUNCTION odd() RETURNS boolean LANGUAGE plpgsql AS '{body}';
    CREATE VIEW {relation} AS SELECT k.* FROM kept k WHERE odd();
    GRANT SELECT ON {relation} TO {READER}
    """


@contextlib.contextmanager
def narrow_shop(pair: Pair, damage: str) -> Iterator[Shop]:
    """A service over a schema with the world of the examples, which is damaged before the service reads it."""
    with contextlib.closing(pair.primary.connect()) as connection, connection.cursor() as cursor:
        create_schema(connection, "narrow")
        try:
            create_reader(connection, "narrow")
            world = make_world()
            load_world(connection, {**world, "personal_access_tokens": make_tokens(world), "responses": []}, "narrow")
            cursor.execute("INSERT INTO narrow.responses VALUES (1, 1, 'text', FALSE, 'ann@x.io', now(), NULL)")
            cursor.execute(damage)
            yield open_shop(pair, replica_schema="narrow")
        finally:
            cursor.execute("DROP SCHEMA narrow CASCADE")


def run_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shop: Shop) -> tuple[int, str]:
    """The exit code of `check` over the narrow schema, and what it prints."""
    monkeypatch.setenv("TICKITI_REPLICA_URL", shop.pair.standby.url_for(READER))
    monkeypatch.setenv("TICKITI_REPLICA_SCHEMA", "narrow")
    capsys.readouterr()
    return main(["check"]), capsys.readouterr().out


UNQUALIFIED = "BEGIN RETURN (SELECT count(*) FROM nowhere) = 0; END"


@pytest.mark.parametrize("relation", ["tickets", "users", "personal_access_tokens"])
def test_a_view_that_no_request_can_read_is_not_ready(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], relation: str
) -> None:
    with narrow_shop(shop_pair, damage_view(relation, UNQUALIFIED)) as shop:
        assert shop.ask(secret_of(ANN)).status_code == 503
        assert check_failing(shop, "contract") == f"Cannot be read: {relation} (SQLSTATE 42P01)."
        code, output = run_check(monkeypatch, capsys, shop)
        assert (code, f"fault    {relation}: cannot be read: " in output) == (1, True)
        shop.pair.primary.execute(
            "CREATE OR REPLACE FUNCTION narrow.odd() RETURNS boolean AS 'SELECT TRUE' LANGUAGE SQL"
        )
        assert shop.probe() == (200, {"ok": True, "checks": READY})
        assert shop.ask(secret_of(ANN)).status_code == 200


@pytest.mark.parametrize(
    ("relation", "body"),
    [
        ("responses", UNQUALIFIED),  # which lists without a search in texts do not read
        ("tickets", "BEGIN RETURN 1 / 0 = 1; END"),  # a fault of some rows, for all that the probe knows
    ],
)
def test_a_view_that_some_requests_can_do_without_is_told_by_check_alone(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], relation: str, body: str
) -> None:
    with narrow_shop(shop_pair, damage_view(relation, body)) as shop:
        assert shop.probe() == (200, {"ok": True, "checks": READY})
        code, output = run_check(monkeypatch, capsys, shop)
        assert (code, f"fault    {relation}: cannot be read: " in output) == (1, True)


def test_a_view_that_is_slow_does_not_hold_a_probe_up(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with narrow_shop(shop_pair, damage_view("tickets", "BEGIN PERFORM pg_sleep(3600); RETURN TRUE; END")) as shop:
        assert shop.probe() == (200, {"ok": True, "checks": READY})
        monkeypatch.setenv("TICKITI_STATEMENT_TIMEOUT_MS", "100")
        code, output = run_check(monkeypatch, capsys, shop)
        assert (code, "warning  tickets: is slow: " in output) == (0, True)
