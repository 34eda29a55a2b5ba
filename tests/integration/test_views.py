"""The views over Laravel's tables give back the world that went in, to a role that can read nothing else."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, extensions
from werkzeug.test import Client

from app import Service, create_service
from config.settings import Settings
from demo.binaries import build_environment, find_bindir
from demo.loading import Row, World, create_schema, load_world
from demo.pair import Pair
from demo.postgres import PostgresServer
from demo.shop import make_shop
from demo.shop_seed import DEMO_TOKENS
from tests.support.documents import read_document
from tests.support.laravel import DEPLOY, TABLES, write_views
from tests.support.running import wait_until
from tickiti_query.cli import main
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS_BENEATH, PREFIX
from tickiti_query.reporting.indexes import normalize

DATABASE, READER, APPLICATION, OWNER = "laravel", "laravel_reader", "laravel_app", "tickiti_reporting"

# relation -> (table, the names of columns that are called otherwise there)
RENAMED: dict[str, tuple[str, dict[str, str]]] = {
    "queue_permissions": ("ticket_queue_user", {"queue_id": "ticket_queue_id"}),
    "team_members": ("team_user", {}),
    "tickets": ("tickets", {"queue_id": "ticket_queue_id"}),
    "responses": ("ticket_responses", {}),
    "watchlists": ("watchlists", {"owner_id": "user_id", "shared": "is_shared"}),
    "watchlist_tickets": ("ticket_watchlist", {}),
    "ticket_user_states": ("ticket_user", {}),
    "perspectives": ("perspectives", {"owner_id": "user_id", "shared": "is_shared"}),
}
SPECIAL = {
    "users": """
INSERT INTO users (id, name, email, is_staff, sees_all_queues, email_verified_at, disabled_at)
SELECT id, name, email, is_staff, sees_all_queues,
       CASE WHEN is_active OR id % 2 = 0 THEN TIMESTAMP '2026-01-01 00:00:00' END,
       CASE WHEN NOT is_active AND id % 2 = 0 THEN TIMESTAMP '2026-02-01 00:00:00' END
FROM plain.users""",
    "personal_access_tokens": r"""
INSERT INTO personal_access_tokens
       (id, tokenable_type, tokenable_id, token, abilities, allowed_ip, expires_at, created_at)
SELECT id, 'App\Models\User', tokenable_id, token, abilities, allowed_ip, expires_at, created_at
FROM plain.personal_access_tokens
UNION ALL
SELECT 1000, 'App\Models\Device', 1, repeat('f', 64), '["*"]', NULL, NULL, NULL""",
}
TABLE_NAMES = sorted({RENAMED.get(relation, (relation,))[0] for relation in RELATIONS} | {"failed_jobs"})


@dataclass
class Install:
    """A database as Tickiti might have it, on both servers, with the views and the role in it."""

    pair: Pair

    def url(self, server: PostgresServer, user: str = "postgres") -> str:
        return server.url_for(user, DATABASE)

    @contextlib.contextmanager
    def open(
        self, server: PostgresServer, user: str = "postgres", options: str = ""
    ) -> Iterator[extensions.connection]:
        with contextlib.closing(psycopg2.connect(self.url(server, user), options=options)) as connection:
            connection.autocommit = True
            yield connection

    def execute(
        self, server: PostgresServer, sql: str, user: str = "postgres", options: str = ""
    ) -> list[tuple[Any, ...]]:
        with self.open(server, user, options) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def run_psql(self, script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        given = [f"--set={name}={value}" for name, value in {"ON_ERROR_STOP": "1", **variables}.items()]
        program = str(find_bindir() / "psql")
        command = [program, "-Xq", *given, "-d", self.url(self.pair.primary), "-f", str(script)]
        return subprocess.run(command, env=build_environment(), capture_output=True, text=True, check=False)


def make_small_shop() -> World:
    """The shop with its first thousand tickets."""

    def is_kept(relation: str, row: Row) -> bool:
        ticket_id: int = row["id"] if relation == "tickets" else row.get("ticket_id", 0)
        return ticket_id <= 1000

    return {relation: [row for row in rows if is_kept(relation, row)] for relation, rows in make_shop().items()}


def fill_tables(connection: extensions.connection) -> None:
    """The shop into Laravel's tables, by way of the contract's own in the schema `plain`."""
    create_schema(connection, "plain")
    load_world(connection, make_small_shop(), "plain")
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for relation, columns in RELATIONS.items():
            table, names = RENAMED.get(relation, (relation, {}))
            there = ", ".join(names.get(column, column) for column in columns)
            copy = f"INSERT INTO {table} ({there}) SELECT {', '.join(columns)} FROM plain.{relation}"
            cursor.execute(SPECIAL.get(relation, copy))
        for table in TABLE_NAMES:
            cursor.execute(f"ALTER TABLE {table} OWNER TO {APPLICATION}")


@pytest.fixture(scope="module")
def install(pair: Pair) -> Iterator[Install]:
    install = Install(pair)
    pair.primary.execute(f"CREATE DATABASE {DATABASE}")
    pair.primary.execute(f"CREATE ROLE {APPLICATION} LOGIN")
    try:
        with install.open(pair.primary) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION pg_trgm; GRANT CREATE ON SCHEMA public TO PUBLIC")  # as before 15
            fill_tables(connection)
            cursor.execute(f"CREATE ROLE {READER}; GRANT SELECT, DELETE ON users TO {READER}")  # a careless past
        for script, variables in (("reporting_views.sql", {}), ("reader_role.sql", {"role": READER})):
            done = install.run_psql(DEPLOY / script, **variables)
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert "(0 rows)" in done.stdout
        yield install
    finally:
        pair.primary.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        for role in (READER, APPLICATION, OWNER):
            pair.primary.execute(f"DROP ROLE IF EXISTS {role}")


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_comes_out_as_it_went_in(install: Install, relation: str) -> None:
    columns = ", ".join(RELATIONS[relation])
    asked = f"SELECT {columns} FROM {{}}.{relation} ORDER BY 1, 2"
    seen = install.execute(install.pair.standby, asked.format("reporting"), READER)
    assert seen
    assert seen == install.execute(install.pair.primary, asked.format("plain"))


def test_the_types_are_the_contracts(install: Install) -> None:
    sql = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = CAST('reporting' AS regnamespace) AND c.relkind = 'v' AND a.attnum > 0"""
    found: dict[str, dict[str, str]] = {}
    for relation, column, kind in install.execute(install.pair.standby, sql):
        found.setdefault(relation, {})[column] = kind
    assert found == RELATIONS


def test_the_service_answers_over_the_views(install: Install) -> None:
    service = create_service(Settings(replica_url=install.url(install.pair.standby, READER)))
    reply = service.app.test_client().post(
        "/api/v1/tickets/query",
        json={"perspective_id": 3},
        headers={"Authorization": f"Bearer {DEMO_TOKENS[0].plain_text}"},
    )
    assert reply.status_code == 200, reply.text
    assert reply.get_json()["data"][0] == {
        "ticket_id": 1,
        "number": 220009,
        "status": "open",
        "queue": "Returns",
        "priority": "20",
        "subject": "Carbon plate cracked on first marathon",
        "assigned_to_email": "priya.sharma@sole-provider.example",
        "originator_email": "marcus@trailblazers-club.example",
        "created_at": "2026-05-01 09:14:02",
        "updated_at": "2026-05-02 11:30:48",
    }
    ready = Client(service.admin_app).get("/readyz")
    assert ready.status_code == 200, ready.get_data(as_text=True)


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_the_reader_cannot_see_the_tables_beneath(install: Install, table: str) -> None:
    for server in (install.pair.primary, install.pair.standby):
        with pytest.raises(errors.InsufficientPrivilege, match=f"permission denied for table {table}"):
            install.execute(server, f"SELECT 1 FROM public.{table}", READER)


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO reporting.teams (id) VALUES (99)",
        "UPDATE reporting.tickets SET queue_id = 1",
        "DELETE FROM reporting.users",
        "DELETE FROM public.users",
        "CREATE TABLE public.mine (id bigint)",
        "CREATE VIEW reporting.mine AS SELECT 1",
        "CREATE SCHEMA mine",
    ],
)
def test_the_reader_cannot_write_on_the_primary_either(install: Install, write: str) -> None:
    with pytest.raises((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
        install.execute(install.pair.primary, write, READER)
    with pytest.raises(errors.InsufficientPrivilege):
        install.execute(install.pair.primary, write, READER, options="-c default_transaction_read_only=off")


def test_the_reader_has_a_time_limit_and_sees_the_replication(install: Install) -> None:
    sql = "SELECT current_setting('statement_timeout'), status FROM pg_stat_wal_receiver"
    assert install.execute(install.pair.standby, sql, READER) == [("1min", "streaming")]


def test_tickitis_own_role_can_still_migrate(install: Install) -> None:
    install.execute(install.pair.primary, "CREATE TABLE public.new_one (); DROP TABLE public.new_one", APPLICATION)


def test_a_second_run_changes_nothing_and_keeps_the_grants(install: Install) -> None:
    sql = "SELECT CAST(oid AS bigint), relname, CAST(relacl AS text) FROM pg_class WHERE relname !~ '^pg_' ORDER BY 1"
    before = install.execute(install.pair.standby, sql)
    assert install.run_psql(DEPLOY / "reporting_views.sql").returncode == 0
    assert install.execute(install.pair.standby, sql) == before


def read_ready(service: Service) -> tuple[int, dict[str, str]]:
    """Return the answer to the readiness probe."""
    reply = Client(service.admin_app).get("/readyz")
    return reply.status_code, json.loads(reply.get_data())["checks"]


def ask_status(service: Service) -> int:
    token = DEMO_TOKENS[0].plain_text
    headers = {"Authorization": f"Bearer {token}"}
    return service.app.test_client().post("/api/v1/tickets/query", json={}, headers=headers).status_code


@pytest.mark.parametrize(
    "migration",
    [
        "ALTER TABLE tickets ALTER COLUMN subject TYPE varchar(300)",
        "ALTER TABLE tickets DROP COLUMN resolution",
        "DROP TABLE ticket_hashtags",
    ],
)
def test_a_migration_of_what_the_views_read_is_refused(install: Install, migration: str) -> None:
    with pytest.raises((errors.FeatureNotSupported, errors.DependentObjectsStillExist), match="view"):
        install.execute(install.pair.primary, migration, APPLICATION)


def test_without_the_views_tickiti_migrates_and_the_service_comes_back_with_them(install: Install) -> None:
    service = create_service(Settings(replica_url=install.url(install.pair.standby, READER)))
    assert (ask_status(service), read_ready(service)[0]) == (200, 200)
    install.execute(install.pair.primary, "DROP SCHEMA reporting CASCADE")
    install.execute(install.pair.primary, "ALTER TABLE tickets ALTER COLUMN subject TYPE varchar(300)", APPLICATION)
    wait_until(lambda: ask_status(service) == 503)
    assert "tickets" in read_ready(service)[1]["contract"]
    assert install.run_psql(DEPLOY / "reporting_views.sql", indexes="off").returncode == 0
    # The views are there, and what was granted on those before them went with them.
    assert read_ready(service)[0] == 503
    assert install.run_psql(DEPLOY / "reader_role.sql", role=READER).returncode == 0
    wait_until(lambda: ask_status(service) == 200)
    assert read_ready(service)[0] == 200


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("responses", "public.replies", 'relation "public.replies" does not exist'),
        ("tickets_number", "reference", 'column "reference" does not exist'),
    ],
)
def test_a_wrong_name_stops_the_script_and_changes_nothing(
    install: Install, tmp_path: Path, name: str, value: str, said: str
) -> None:
    done = install.run_psql(write_views(tmp_path / "views.sql", **{name: value}), schema="other")
    assert done.returncode == 3
    assert said in done.stderr
    assert install.execute(install.pair.primary, "SELECT to_regnamespace('other')") == [(None,)]


def test_an_expression_stands_in_for_a_column(install: Install, tmp_path: Path) -> None:
    script = write_views(tmp_path / "views.sql", users_sees_all_queues="'id = 7'", users_is_staff="false")
    done = install.run_psql(script, schema="expressions", indexes="off")
    assert (done.returncode, done.stderr) == (0, "")
    sql = "SELECT id, is_staff FROM expressions.users WHERE sees_all_queues"
    assert install.execute(install.pair.standby, sql) == [(7, False)]
    install.execute(install.pair.primary, "DROP SCHEMA expressions CASCADE")


def test_every_index_of_the_tables_has_its_like_beneath_the_views(install: Install) -> None:
    sql = """
    SELECT indexname, tablename, replace(indexdef, 'ticket_queue_id', 'queue_id') FROM pg_indexes
    WHERE schemaname = 'public' AND starts_with(indexname, 'reporting_')"""
    there = {
        name.removeprefix("reporting_"): (table, normalize(definition))
        for name, table, definition in install.execute(install.pair.standby, sql)
    }
    wanted = {
        name: (RENAMED.get(relation, (relation,))[0], normalize(definition))
        for name, (relation, definition) in INDEXES.items()
    }
    keys = {
        "queue_permissions_key": ("ticket_queue_user", "user_id,queue_id"),
        "ticket_participants_ticket": ("ticket_participants", "ticket_id"),
        "ticket_hashtags_ticket": ("ticket_hashtags", "ticket_id"),
        "watchlist_tickets_key": ("ticket_watchlist", "watchlist_id,ticket_id"),
        "perspective_conditions_key": ("perspective_conditions", "perspective_id"),
        "perspective_orders_key": ("perspective_orders", "perspective_id"),
        "perspective_columns_key": ("perspective_columns", "perspective_id"),
    }
    assert there == wanted | keys


def test_the_list_of_keys_is_that_of_the_file() -> None:
    text = (DEPLOY / "reporting_views.sql").read_text("utf-8")
    there = {
        name: (relation, ", ".join(re.findall(rf":'{relation}_(\w+)'", expressions)))
        for name, relation, expressions in re.findall(r"\('(\w+)', :'(\w+)', \S+\s+ARRAY\[(.*?)\]\)", text)
    }
    assert there == KEYS_BENEATH


def check_indexes(install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the sentences of `check` on indexes, with the right to read nothing but the views."""
    monkeypatch.setenv("TICKITI_REPLICA_URL", install.url(install.pair.standby, READER))
    capsys.readouterr()
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if " indexes: " in line or "index" in line]


def test_check_finds_all_indexes_beneath_the_views(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(INDEXES) + len(KEYS_BENEATH)
    assert check_indexes(install, capsys, monkeypatch) == [
        f"ok       indexes: all {count} indexes of the tables beneath 17 views are there"
    ]


def find_index(install: Install, name: str) -> str:
    """The index that serves a key or a query: ours, or for a key Tickiti's own."""
    relation, columns = KEYS_BENEATH.get(name, ("", ""))
    table, names = RENAMED.get(relation, (relation, {}))
    own = [names.get(column, column) for column in columns.split(", ")]
    sql = f"""
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relname = '{PREFIX}{name}'
       OR CAST(i.indrelid AS regclass) = to_regclass('{table}')
      AND starts_with(pg_get_indexdef(c.oid), 'CREATE UNIQUE') AND pg_get_indexdef(c.oid) LIKE '%({", ".join(own)})'"""
    [(index,)] = install.execute(install.pair.primary, sql)
    return str(index)


AWAY = "UPDATE pg_index SET indisvalid = {} WHERE indexrelid = CAST('{}' AS regclass)"


@pytest.mark.parametrize("name", [*KEYS_BENEATH, *INDEXES])
def test_check_names_each_index_that_is_missing_beneath_the_views(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    relation, definition = {**KEYS_BENEATH, **INDEXES}[name]
    index = find_index(install, name)
    install.execute(install.pair.primary, AWAY.format("false", index))  # as a build that was interrupted leaves it
    try:
        lines = check_indexes(install, capsys, monkeypatch)
    finally:
        install.execute(install.pair.primary, AWAY.format("true", index))
    what = f", or another that begins with ({definition})," if name in KEYS_BENEATH else f" {definition}"
    assert (
        f"warning  {relation}: lacks the index {PREFIX}{name}{what} on the table beneath the view;"
        " see deploy/reporting_views.sql"
    ) in lines


def test_check_names_an_index_that_was_dropped_and_one_that_has_another_name_not(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = install.pair.primary
    install.execute(primary, "DROP INDEX reporting_tickets_updated")
    install.execute(primary, "ALTER INDEX reporting_ticket_hashtags_tag_bytes RENAME TO by_tag")
    try:
        lines = check_indexes(install, capsys, monkeypatch)
    finally:
        install.execute(primary, "ALTER INDEX by_tag RENAME TO reporting_ticket_hashtags_tag_bytes")
        assert install.run_psql(DEPLOY / "reporting_views.sql").returncode == 0
    [line] = lines
    assert line == (
        "warning  tickets: lacks the index reporting_tickets_updated (updated_at DESC, id DESC, queue_id, created_at)"
        " on the table beneath the view; see deploy/reporting_views.sql"
    )


def test_check_warns_of_missing_trigrams_beneath_the_views(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install.execute(install.pair.primary, "DROP EXTENSION pg_trgm CASCADE")
    try:
        lines = check_indexes(install, capsys, monkeypatch)
    finally:
        install.execute(install.pair.primary, "CREATE EXTENSION pg_trgm")
        assert install.run_psql(DEPLOY / "reporting_views.sql").returncode == 0
    assert lines == ["warning  indexes: pg_trgm is not installed: searches in texts read whole tables"]


TICKETS = "SELECT t.id FROM tickets t"
STATUS = "array_position(ARRAY['open', 'on-hold', 'closed'], t.status)"
STATES = "SELECT s.ticket_id FROM ticket_user_states s WHERE s.user_id = 1"
IS_A = """ COLLATE "C" = 'a'"""
BY_INDEX = {
    "tokens_token_bytes": f"SELECT p.id FROM personal_access_tokens p WHERE p.token{IS_A}",
    "watchlists_name_bytes": f"SELECT w.id FROM watchlists w WHERE w.name{IS_A}",
    "perspectives_name_bytes": f"SELECT p.id FROM perspectives p WHERE p.name{IS_A}",
    "ticket_queues_name_bytes": f"SELECT q.id FROM ticket_queues q WHERE q.name{IS_A}",
    "tickets_updated": f"{TICKETS} ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_queue_updated": f"{TICKETS} WHERE t.queue_id = 12 ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_unclosed_updated": f"{TICKETS} WHERE t.status <> 'closed' ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_assignee_bytes": f"{TICKETS} WHERE lower(t.assigned_to_email){IS_A} ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_unclosed_assignee_bytes": f"{TICKETS} WHERE lower(t.assigned_to_email){IS_A} AND t.status <> 'closed'"
    " ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_originator_bytes": f"{TICKETS} WHERE lower(t.originator_email){IS_A}"
    " ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_resolution_bytes": f"{TICKETS} WHERE lower(t.resolution){IS_A} ORDER BY t.updated_at DESC, t.id DESC",
    "tickets_priority": f"{TICKETS} WHERE t.priority = 40 ORDER BY t.updated_at DESC, t.id DESC",
    "ticket_participants_email_bytes": f"SELECT p.ticket_id FROM ticket_participants p WHERE lower(p.email){IS_A}",
    "ticket_participants_ticket": "SELECT p.email FROM ticket_participants p WHERE p.ticket_id = 5",
    "ticket_hashtags_tag_bytes": f"SELECT h.ticket_id FROM ticket_hashtags h WHERE lower(h.tag){IS_A}",
    "responses_ticket": "SELECT r.id FROM responses r WHERE r.ticket_id = 5",
    "watchlist_tickets_ticket": "SELECT w.watchlist_id FROM watchlist_tickets w WHERE w.ticket_id = 5",
    "ticket_user_states_flagged": f"{STATES} AND (s.is_retained OR s.unacknowledged_tags > 0) ORDER BY s.ticket_id",
    "ticket_user_states_read_last": f"{STATES} ORDER BY s.last_read_at DESC NULLS LAST, s.ticket_id DESC",
    "ticket_user_states_read_first": f"{STATES} ORDER BY s.last_read_at ASC NULLS LAST, s.ticket_id DESC",
    "users_email_bytes": f"SELECT u.id FROM users u WHERE lower(u.email){IS_A}",
    "team_members_user": "SELECT m.team_id FROM team_members m WHERE m.user_id = 5",
    "tickets_created": f"{TICKETS} ORDER BY t.created_at DESC, t.id DESC",
    "tickets_subject_order": f'{TICKETS} ORDER BY lower(t.subject) COLLATE "C" ASC, t.id DESC',
    "tickets_originator_order": f'{TICKETS} ORDER BY lower(t.originator_email) COLLATE "C" ASC, t.id DESC',
    "tickets_queue_order": f"{TICKETS} WHERE t.queue_id = 12 ORDER BY t.id DESC",
    "tickets_status_first": f"{TICKETS} ORDER BY {STATUS} ASC NULLS LAST, t.id DESC",
    "tickets_status_last": f"{TICKETS} ORDER BY {STATUS} DESC NULLS LAST, t.id DESC",
    "tickets_priority_first": f"{TICKETS} ORDER BY t.priority ASC, t.id DESC",
    "tickets_priority_last": f"{TICKETS} ORDER BY t.priority DESC, t.id DESC",
    "tickets_assignee_first": f'{TICKETS} ORDER BY lower(t.assigned_to_email) COLLATE "C" ASC NULLS LAST, t.id DESC',
    "tickets_assignee_last": f'{TICKETS} ORDER BY lower(t.assigned_to_email) COLLATE "C" DESC NULLS LAST, t.id DESC',
    "tickets_on_hold_first": f"{TICKETS} ORDER BY t.on_hold_until ASC NULLS LAST, t.id DESC",
    "tickets_on_hold_last": f"{TICKETS} ORDER BY t.on_hold_until DESC NULLS LAST, t.id DESC",
    "tickets_last_response_first": f"{TICKETS} ORDER BY t.last_response_at ASC NULLS LAST, t.id DESC",
    "tickets_last_response_last": f"{TICKETS} ORDER BY t.last_response_at DESC NULLS LAST, t.id DESC",
    "tickets_response_count_first": f"{TICKETS} ORDER BY t.response_count ASC, t.id DESC",
    "tickets_response_count_last": f"{TICKETS} ORDER BY t.response_count DESC, t.id DESC",
    "tickets_subject_trgm": f"{TICKETS} WHERE lower(t.subject) LIKE '%marathon%'",
    "tickets_originator_trgm": f"{TICKETS} WHERE lower(t.originator_email) LIKE '%trailblazers%'",
    "responses_text_trgm": "SELECT r.id FROM responses r WHERE lower(r.plain_text) LIKE '%kilometre%'",
}


@pytest.mark.parametrize("index", BY_INDEX)
def test_the_planner_finds_the_index_through_the_view(install: Install, index: str) -> None:
    settings = {
        "search_path": "reporting",
        "random_page_cost": "1.1",
        "enable_seqscan": "off",
        "enable_sort": "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    plan = install.execute(install.pair.standby, f"EXPLAIN {BY_INDEX[index]}", READER, options)
    text = "\n".join(line for (line,) in plan)
    assert re.search(rf"reporting_{index}\b", text), text
    assert "Sort" not in text


def list_blocks(language: str) -> list[str]:
    """The code blocks of docs/install.md in one language."""
    return [block.text for block in read_document("docs/install.md").blocks if block.language == language]


def test_the_manual_can_be_followed_to_the_end_and_back(install: Install) -> None:
    primary, standby = install.pair.primary, install.pair.standby
    install.execute(primary, "CREATE DATABASE manual")
    try:
        with (
            contextlib.closing(psycopg2.connect(primary.url_for("postgres", "manual"))) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(TABLES)
        environment = build_environment() | {
            "PATH": f"{find_bindir()}:{os.environ['PATH']}",
            "PGHOST": str(primary.sockets),
            "PGPORT": str(primary.port),
            "PGUSER": "postgres",
            "PGDATABASE": "manual",
            "TICKITI_REPLICA_URL": standby.url_for("tickiti_query", "manual"),
        }
        lines = "".join(list_blocks("sh")).replace(".venv/bin/python", sys.executable).splitlines()
        shell = "\n".join(line for line in lines if not line.startswith("export "))
        assert sum(line.startswith("export ") for line in lines) == 2
        done = run_bash(shell, environment)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        assert "(0 rows)" in done.stdout
        assert done.stdout.splitlines()[-1].endswith(" ok, 0 warnings, 0 faults")
        [undo] = list_blocks("sql")
        # The roles are the whole session's here: only their share of this database is given back.
        undo = re.sub(r"(?m)^DROP (OWNED|ROLE).*\n", "", undo)
        done = run_bash(f"psql -v ON_ERROR_STOP=1 <<'END'\n{undo}END\n", environment)
        assert (done.returncode, done.stdout.count("DROP INDEX")) == (0, len(INDEXES) + 7), done.stderr
    finally:
        install.execute(primary, "DROP DATABASE manual WITH (FORCE)")
        install.execute(primary, "ALTER ROLE tickiti_query RESET ALL")


def run_bash(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-ec", script],
        env=environment,
        cwd=DEPLOY.parent,
        capture_output=True,
        text=True,
        check=False,
    )
