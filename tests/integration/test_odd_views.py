"""One caller's view that fails: the caller is told what the table says, and the answers of all others stay proved."""

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from demo.loading import READER, create_reader, create_schema, load_world
from demo.pair import Pair
from tests.oracle.example import ANN, BOB, MINE, ROOT, make_world, set_mine
from tests.support.difference import make_tokens, secret_of
from tests.support.shop import Shop, open_shop
from tickiti_query.replica.database_errors import FAULTS, OF_PREPARED, DatabaseFault, Ends

SCHEMA = "odd"
HIDDEN = "hidden value"
# The responses become a view that does what `fault` does. Only a list that asks for content reads them.
ODD = f"""
SET search_path = {SCHEMA};
ALTER TABLE responses RENAME TO kept_responses;
CREATE TABLE codes (code text); INSERT INTO codes VALUES ('');
CREATE TABLE public.elsewhere (id bigint);
CREATE TABLE not_granted (id bigint);
CREATE SEQUENCE numbers;
CREATE FUNCTION fault() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN TRUE; END';
CREATE VIEW responses AS SELECT r.* FROM kept_responses r WHERE fault();
GRANT SELECT ON responses, codes TO {READER}; GRANT USAGE ON numbers TO {READER};
"""
RAISE = f"DECLARE c text := (SELECT code FROM codes); BEGIN RAISE EXCEPTION '{HIDDEN}' USING ERRCODE = c; END"
# A class stands for any of its SQLSTATEs.
RAISED = [
    (state.ljust(5, "0"), fault) for fault in FAULTS if fault not in OF_PREPARED.values() for state in fault.states
]
# The body of `fault` -> the SQLSTATE that it causes by itself
CAUSED = {
    "BEGIN RETURN (SELECT count(*) FROM elsewhere) = 0; END": "42P01",
    "BEGIN RETURN (SELECT count(*) FROM not_granted) = 0; END": "42501",
    "BEGIN RETURN nowhere.fault(); END": "3F000",
    "BEGIN RETURN no_such_function(); END": "42883",
    "BEGIN RETURN (SELECT nothing FROM codes); END": "42703",
    "BEGIN RETURN 1 / (SELECT length(code) FROM codes) = 1; END": "22012",
    "BEGIN RETURN (SELECT TRUE FROM generate_series(1, 2)); END": "21000",
    "BEGIN RETURN nextval(''numbers'') > 0; END": "25006",
    "BEGIN RETURN fault(); END": "54001",
    "BEGIN ASSERT FALSE; END": "P0004",
    "BEGIN EXECUTE ''SELEC''; END": "42601",
    "BEGIN END": "2F005",
}


class Odd:
    """A service over the schema, what it logs of requests, and the sessions that it has on the standby."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        url = f"{pair.standby.url_for(READER)}&application_name={SCHEMA}"
        self.shop: Shop = open_shop(pair, replica_url=url, replica_schema=SCHEMA, cache_ttl_seconds=3600)
        self.lines: list[dict[str, Any]] = []

    def write(self, sql: str) -> None:
        self.pair.primary.execute(f"SET search_path = {SCHEMA}; {sql}")

    def set_fault(self, body: str) -> None:
        self.write(f"CREATE OR REPLACE FUNCTION fault() RETURNS boolean LANGUAGE plpgsql AS '{body}'")

    def list_sessions(self) -> set[int]:
        sql = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        return {pid for (pid,) in self.pair.standby.execute(sql, (SCHEMA,))}

    def ask_others(self) -> list[tuple[int, str]]:
        answers = [self.shop.ask(secret_of(user)) for user in (BOB, ROOT)]
        return [(answer.status_code, answer.headers["Cache-Status"].split("; ")[1]) for answer in answers]

    def check_others_stay(self, sqlstate: str, fault: DatabaseFault) -> None:
        """Ask the odd question a few times, and the others in between: they stay hits, on the sessions there are."""
        self.ask_others()
        assert self.ask_others() == [(200, "hit")] * 2
        sessions = self.list_sessions()
        for _ in range(3):
            self.lines.clear()
            answer = self.shop.ask(secret_of(ANN), {"perspective_id": MINE})
            assert (answer.status_code, answer.get_json()["error"]) == (fault.error.status, fault.error.code)
            [line] = self.lines
            assert (line["sqlstate"], line["error"]) == (sqlstate, fault.error.code)
            assert "responses" in line["relation"].split(", ")
            assert re.fullmatch(r"query/\w+\.py:\d+ \w+", line["at"])
            assert HIDDEN not in json.dumps(line)
            assert self.ask_others() == [(200, "hit")] * 2
        assert self.list_sessions() == sessions


@pytest.fixture(scope="module")
def odd_service(pair: Pair) -> Iterator[Odd]:
    with contextlib.closing(pair.primary.connect()) as connection, connection.cursor() as cursor:
        create_schema(connection, SCHEMA)
        create_reader(connection, SCHEMA)
        world = set_mine(make_world(), [("content", "contains", "sole")])
        responses = [{**row, "id": number} for number, row in enumerate(world["responses"], 1)]
        filled = {**world, "personal_access_tokens": make_tokens(world), "responses": responses}
        load_world(connection, filled, SCHEMA)
        cursor.execute(ODD)
        try:
            yield Odd(pair)
        finally:
            cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE; DROP TABLE public.elsewhere")


@pytest.fixture
def odd(odd_service: Odd) -> Iterator[Odd]:
    """The service, listened to; its view is in order again when the test ends."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            odd_service.lines.append(record.facts)  # type: ignore[attr-defined]

    log, handler = logging.getLogger("tickiti_query.request"), Handler()
    level, log.level = log.level, logging.INFO
    log.addHandler(handler)
    yield odd_service
    log.removeHandler(handler)
    log.setLevel(level)
    odd_service.set_fault("BEGIN RETURN TRUE; END")


def find_row(sqlstate: str) -> DatabaseFault:
    """The first row of the table that has the SQLSTATE, else its class, else the last."""
    rows = [fault for fault in FAULTS if fault not in OF_PREPARED.values()]
    found = [fault for state in (sqlstate, sqlstate[:2]) for fault in rows if state in fault.states]
    return [*found, FAULTS[-1]][0]


@pytest.mark.parametrize(("sqlstate", "fault"), RAISED, ids=[sqlstate for sqlstate, _ in RAISED])
def test_what_a_view_raises_is_its_caller_s_alone(odd: Odd, sqlstate: str, fault: DatabaseFault) -> None:
    odd.set_fault(RAISE.replace("'", "''"))
    odd.write(f"UPDATE codes SET code = '{sqlstate}'")
    odd.check_others_stay(sqlstate, fault)


@pytest.mark.parametrize(("body", "sqlstate"), CAUSED.items(), ids=CAUSED.values())
def test_what_a_view_causes_is_its_caller_s_alone(odd: Odd, body: str, sqlstate: str) -> None:
    odd.write("UPDATE codes SET code = ''")
    odd.set_fault(body)
    odd.check_others_stay(sqlstate, find_row(sqlstate))


def test_an_unlogged_table_is_its_caller_s_alone(odd: Odd) -> None:
    odd.write("ALTER TABLE kept_responses SET UNLOGGED")
    try:
        odd.check_others_stay("0A000", find_row("0A000"))
    finally:
        odd.write("ALTER TABLE kept_responses SET LOGGED")


def test_a_read_that_fails_by_its_cached_plan_says_the_same(odd: Odd) -> None:
    odd.write("UPDATE codes SET code = '22012'")
    for _ in range(2):
        assert odd.shop.ask(secret_of(ANN), {"perspective_id": MINE}).status_code == 200
    odd.set_fault(RAISE.replace("'", "''"))
    odd.check_others_stay("22012", find_row("22012"))


def test_a_stale_plan_ends_what_its_connection_has_prepared_and_no_connection(odd: Odd) -> None:
    question = {"perspective_id": MINE}
    expected = odd.shop.list_rows(secret_of(ANN), question)
    before = odd.list_sessions()
    for kind in ("varchar(300)", "text") * 3:
        odd.write(f"ALTER TABLE tickets ALTER COLUMN subject TYPE {kind}")
        assert odd.shop.list_rows(secret_of(ANN), question) == expected
        assert odd.shop.list_rows(secret_of(ANN), question) == expected
    assert odd.list_sessions() == before
    assert {fault.ends for fault in OF_PREPARED.values()} == {Ends.STATEMENTS}
