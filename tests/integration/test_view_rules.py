"""View rules: everything that a view reads and that no transaction changes is found, and nothing else."""

import contextlib
from collections.abc import Iterator

import pytest

from demo.loading import create_reader, create_schema
from demo.pair import Pair
from tests.support.servers import CursorSource
from tickiti_query.model.statement import Statement
from tickiti_query.reporting.view_rules import ViewRules, read_view_rules

SCHEMA = "ruled"
COLUMNS = "id, name, is_parked"
OTHERS = """
CREATE SCHEMA beneath;
CREATE TABLE beneath.queues (id bigint, name text, is_parked boolean, at timestamptz, day text, extra jsonb);
CREATE TABLE beneath.parts (LIKE beneath.queues) PARTITION BY LIST (id);
CREATE TABLE beneath.part_1 PARTITION OF beneath.parts FOR VALUES IN (1);
CREATE MATERIALIZED VIEW beneath.stored AS SELECT id, name, is_parked, now() AS at FROM beneath.queues;
CREATE SEQUENCE beneath.numbers;
CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER elsewhere;
CREATE FOREIGN TABLE beneath.foreign_queues (id bigint, name text, is_parked boolean) SERVER elsewhere;
CREATE TABLE beneath.far_parts (LIKE beneath.foreign_queues) PARTITION BY LIST (id);
CREATE FOREIGN TABLE beneath.far_part PARTITION OF beneath.far_parts FOR VALUES IN (1) SERVER elsewhere;
CREATE FUNCTION beneath.pure(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION beneath.steady(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1)';
CREATE FUNCTION beneath.wild(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT upper($1)';
CREATE FUNCTION beneath.add_up(bigint, bigint) RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT $1 + $2';
CREATE AGGREGATE beneath.total (bigint) (SFUNC = beneath.add_up, STYPE = bigint, INITCOND = '0');
CREATE TYPE beneath.colour AS ENUM ('red', 'blue');
CREATE VIEW beneath.by_clock AS SELECT id, name, is_parked FROM beneath.queues WHERE at < now();
CREATE VIEW beneath.by_clock_again AS SELECT * FROM beneath.by_clock;
CREATE TABLE beneath.secured (LIKE beneath.queues);
CREATE POLICY by_user ON beneath.secured USING (name = current_user OR id IN (SELECT id FROM beneath.queues));
ALTER TABLE beneath.secured ENABLE ROW LEVEL SECURITY;
CREATE TABLE beneath.tenants (LIKE beneath.queues);
CREATE POLICY by_tenant ON beneath.tenants USING (name = current_setting('app.tenant', TRUE));
ALTER TABLE beneath.tenants ENABLE ROW LEVEL SECURITY;
CREATE TABLE beneath.unsecured (LIKE beneath.queues);
CREATE POLICY by_clock ON beneath.unsecured USING (at < now());
CREATE TABLE beneath.written (LIKE beneath.queues);
CREATE POLICY for_writers ON beneath.written FOR UPDATE USING (at < now());
ALTER TABLE beneath.written ENABLE ROW LEVEL SECURITY;
"""


def from_queues(name: str = "name", rest: str = "") -> str:
    return f"SELECT id, {name} AS name, is_parked FROM beneath.queues {rest}"


CACHEABLE = {
    "a view": from_queues(),
    "operators": from_queues("name || '!' || id", "WHERE id > 3 AND name LIKE 'a%' AND NOT is_parked"),
    "functions that are immutable": from_queues("beneath.pure(lower(trim(name)))"),
    "texts put together": from_queues("concat(name, ' ', id)"),
    "a time with a zone as one without": from_queues("CAST(CAST(at AS timestamp(0)) AS text)"),
    "a time in a zone": from_queues("CAST(at AT TIME ZONE 'Europe/Berlin' AS text)"),
    "a time as text": from_queues("to_char(at, 'YYYY')"),
    "a constant time": from_queues("name", "WHERE at > timestamptz '2026-01-01'"),
    "a time that was now": from_queues("name", "WHERE at > timestamptz 'now'"),
    "conditions": from_queues("CASE WHEN is_parked THEN name ELSE COALESCE(NULLIF(name, 'x'), 'y') END"),
    "json": from_queues("extra ->> 'name'"),
    "json that is made": from_queues("CAST(jsonb_build_object('a', at, 'b', to_jsonb(name)) AS text)"),
    "casts": from_queues("CAST(CAST(name AS varchar(3)) AS text)", "WHERE CAST(name AS integer) > 0"),
    "a cast to an enum": from_queues("CAST(CAST(name AS beneath.colour) AS text)"),
    "joins": "SELECT q.id, q.name, s.is_parked FROM beneath.queues q LEFT JOIN beneath.stored s USING (id)",
    "a subquery": from_queues("(SELECT max(s.name) FROM beneath.stored s WHERE s.id = queues.id)"),
    "an aggregate": "SELECT id, string_agg(name, ',' ORDER BY name), TRUE FROM beneath.queues GROUP BY id",
    "a window": from_queues("first_value(name) OVER (PARTITION BY id ORDER BY at)"),
    "a union": f"{from_queues()} UNION ALL {from_queues()} EXCEPT SELECT 1, 'a', TRUE",
    "a query with a name": f"WITH RECURSIVE q AS ({from_queues()} UNION SELECT * FROM q) SELECT {COLUMNS} FROM q",
    "values": "SELECT * FROM (VALUES (CAST(1 AS bigint), 'a', TRUE)) v (id, name, is_parked)",
    "a series": "SELECT CAST(g AS bigint), 'a', TRUE FROM generate_series(1, 3) g",
    "a list that is read": from_queues("name", "WHERE id IN (SELECT id FROM beneath.stored)"),
    "every row": from_queues("name", "WHERE id >= ALL (SELECT id FROM beneath.stored)"),
    "a list": from_queues("(ARRAY(SELECT name FROM beneath.stored))[1]"),
    "arrays": from_queues("(ARRAY[name, 'x'])[1]", "WHERE id = ANY (ARRAY[1, 2])"),
    "rows": from_queues("name", "WHERE (id, name) > (1, 'a') AND (name IS DISTINCT FROM 'x') AND (is_parked IS TRUE)"),
    "the user": from_queues("name", "WHERE name <> current_user AND name <> session_user"),
    "a materialized view that read the clock": f"SELECT {COLUMNS} FROM beneath.stored",
    "a partitioned table": f"SELECT {COLUMNS} FROM beneath.parts",
    "the policy of a table about its user": f"SELECT {COLUMNS} FROM beneath.secured",
    "a policy that is not in force": f"SELECT {COLUMNS} FROM beneath.unsecured",
    "a policy about writing": f"SELECT {COLUMNS} FROM beneath.written",
    "names that look like a rule": 'SELECT id, name AS ":funcid 1299", is_parked AS "{XMLEXPR" FROM beneath.queues',
}
UNCACHEABLE = {
    "now": (from_queues("name", "WHERE at < now()"), "now()"),
    "the time of the clock": (from_queues("CAST(clock_timestamp() AS text)"), "clock_timestamp()"),
    "today": (from_queues("name", "WHERE at < CURRENT_DATE"), "CURRENT_DATE"),
    "the local time": (from_queues("CAST(LOCALTIMESTAMP(0) AS text)"), "LOCALTIMESTAMP"),
    "the hour": (from_queues("CAST(CURRENT_TIME AS text)"), "CURRENT_TIME"),
    "an age": (from_queues("CAST(age(at) AS text)"), "age()"),
    "a text that may say today": (from_queues("name", "WHERE CAST(day AS date) > '2026-01-01'"), "date_in()"),
    "a text that may say now": (from_queues("CAST(CAST(day AS timestamp) AS text)"), "timestamp_in()"),
    "deep in a condition": (from_queues("CASE WHEN is_parked THEN name ELSE CAST(now() AS text) END"), "now()"),
    "in a subquery": (from_queues("(SELECT CAST(now() AS text) FROM beneath.stored LIMIT 1)"), "now()"),
    "in an order": (from_queues("name", "ORDER BY random() LIMIT 3"), "random()"),
    "in a join": ("SELECT q.* FROM ruled.teams t JOIN beneath.by_clock q ON q.id = t.id", "now()"),
    "in a query with a name": (f"WITH c AS (SELECT now() AS n) {from_queues('CAST(c.n AS text)', ', c')}", "now()"),
    "a view over views": (f"SELECT {COLUMNS} FROM beneath.by_clock_again", "now()"),
    "a sample": (from_queues("name", "TABLESAMPLE system (50)"), "system()"),
    "a sequence": ("SELECT last_value AS id, 'a', is_called FROM beneath.numbers", "the sequence beneath.numbers"),
    "a number of a sequence": (
        "SELECT pg_sequence_last_value('beneath.numbers') AS id, 'a', TRUE",
        "pg_sequence_last_value()",
    ),
    "a foreign table": (f"SELECT {COLUMNS} FROM beneath.foreign_queues", "the foreign table beneath.foreign_queues"),
    "a foreign partition": (f"SELECT {COLUMNS} FROM beneath.far_parts", "the foreign table beneath.far_part"),
    "a catalogue": ("SELECT CAST(oid AS bigint), relname, relhasindex FROM pg_class", "the catalogue pg_class"),
    "activity": ("SELECT pid, usename, TRUE FROM pg_stat_activity", "the catalogue pg_stat_activity"),
    "the information schema": (
        "SELECT 1, table_name, TRUE FROM information_schema.tables",
        "the catalogue information_schema.tables",
    ),
    "a setting": (from_queues("current_setting('app.tenant', TRUE)"), "current_setting()"),
    "a function that is stable": (from_queues("beneath.steady(name)"), "beneath.steady()"),
    "a function that is volatile": (from_queues("beneath.wild(name)"), "beneath.wild()"),
    "a function among the tables": ("SELECT 1, w, TRUE FROM beneath.wild('x') w", "beneath.wild()"),
    "an aggregate of one's own": ("SELECT beneath.total(id), 'a', TRUE FROM beneath.queues", "beneath.add_up()"),
    "a policy by a setting": (f"SELECT {COLUMNS} FROM beneath.tenants", "current_setting()"),
    "the transaction": (
        from_queues("CAST(pg_current_xact_id_if_assigned() AS text)"),
        "pg_current_xact_id_if_assigned()",
    ),
    "the snapshot": (from_queues("CAST(pg_current_snapshot() AS text)"), "pg_current_snapshot()"),
    "several": (from_queues("CAST(random() AS text)", "WHERE at < CURRENT_DATE"), "CURRENT_DATE, random()"),
    "a random id": (from_queues("CAST(gen_random_uuid() AS text)"), "gen_random_uuid()"),
    "the session": (from_queues("CAST(pg_backend_pid() AS text)"), "pg_backend_pid()"),
}


@pytest.fixture(scope="module")
def source(pair: Pair) -> Iterator[CursorSource]:
    """The primary, whose schema of the contract tests change."""
    with contextlib.closing(pair.primary.connect(options=f"-c search_path={SCHEMA}")) as connection:
        create_schema(connection, SCHEMA)
        create_reader(connection, SCHEMA)
        connected = CursorSource(connection)
        execute(connected, OTHERS)
        yield connected
        others = "DROP SCHEMA beneath CASCADE; DROP FOREIGN DATA WRAPPER elsewhere CASCADE"
        execute(connected, f"DROP SCHEMA {SCHEMA} CASCADE; {others}")


def execute(source: CursorSource, sql: str) -> None:
    with source.connection.cursor() as cursor:
        cursor.execute(sql)


@contextlib.contextmanager
def replace_queues(source: CursorSource, select: str) -> Iterator[ViewRules]:
    """The rules while the queues of the contract are a view."""
    execute(source, "ALTER TABLE ruled.ticket_queues RENAME TO real_queues")
    try:
        execute(source, f"CREATE VIEW ruled.ticket_queues (id, name, is_parked) AS {select}")
        yield read_view_rules(source)
    finally:
        execute(
            source, "DROP VIEW IF EXISTS ruled.ticket_queues; ALTER TABLE ruled.real_queues RENAME TO ticket_queues"
        )


def test_tables_are_cacheable(source: CursorSource) -> None:
    rules = read_view_rules(source)
    assert rules.uncacheable == {}
    assert rules.functions == ()
    assert rules.is_plain
    assert sum(map(len, rules.relations.values())) == len(rules.relations) == 17


@pytest.mark.parametrize("name", CACHEABLE)
def test_what_only_transactions_change_is_cacheable(source: CursorSource, name: str) -> None:
    with replace_queues(source, CACHEABLE[name]) as rules:
        assert rules.uncacheable == {}


@pytest.mark.parametrize("name", UNCACHEABLE)
def test_what_else_a_view_reads_is_named(source: CursorSource, name: str) -> None:
    select, words = UNCACHEABLE[name]
    with replace_queues(source, select) as rules:
        assert rules.uncacheable == {"ticket_queues": words}


def test_what_the_verdict_rests_on_is_told(source: CursorSource) -> None:
    with replace_queues(source, "SELECT id, beneath.pure(name), is_parked FROM beneath.secured") as rules:
        oids = source.fetch(Statement("SELECT CAST('beneath.secured' AS regclass)::oid, 'beneath.pure'::regproc::oid"))
        queues = source.fetch(Statement("SELECT CAST('beneath.queues' AS regclass)::oid"))
        assert {oids[0][0], queues[0][0]} < set(rules.relations["ticket_queues"])
        assert not rules.is_plain
        assert rules.functions == (oids[0][1],)


def test_a_contract_without_relations_reads_nothing(source: CursorSource) -> None:
    execute(source, "SET search_path = nowhere")
    try:
        assert read_view_rules(source) == ViewRules({}, {}, (), is_plain=True)
    finally:
        execute(source, f"SET search_path = {SCHEMA}")
