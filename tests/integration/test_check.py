"""`python -m tickiti_query check` finds nothing in a sound install, and each fault in one that has it."""

import contextlib
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest

from demo.loading import create_reader, create_schema
from demo.pair import Pair
from demo.postgres import PostgresServer
from tests.support.running import wait_until
from tickiti_query.cli import main
from tickiti_query.cli.checks import server
from tickiti_query.cli.checks.indexes import ADVICE
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS, KEYS_BENEATH
from tickiti_query.reporting.indexes import normalize

ROOT = Path(__file__).parents[2]
INDEX_FILE = ROOT / "deploy" / "reporting_indexes.sql"
DATABASE = "checked"
NUMBERS = itertools.count(1)


@dataclass
class Case:
    """A schema and a role of a test's own, sound until the test breaks them."""

    pair: Pair
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    number: int = field(default_factory=lambda: next(NUMBERS))

    @property
    def schema(self) -> str:
        return f"Case_{self.number}"  # with a capital letter: it has to be quoted

    @property
    def role(self) -> str:
        return f"check_role_{self.number}"

    def url(self, server: PostgresServer, user: str) -> str:
        return server.url_for(user, DATABASE)

    def execute(self, sql: str) -> None:
        """Run statements on the primary; SCHEMA and ROLE in them are the test's own."""
        text = sql.replace("SCHEMA.", f'"{self.schema}".').replace("ROLE_NAME", self.role)
        with contextlib.closing(psycopg2.connect(self.url(self.pair.primary, "postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'SET search_path TO "{self.schema}"')
                cursor.execute(text)

    def set_up(self) -> None:
        with contextlib.closing(psycopg2.connect(self.url(self.pair.primary, "postgres"))) as connection:
            create_schema(connection, self.schema)
            create_reader(connection, self.schema, self.role)
        self.execute("ALTER ROLE ROLE_NAME SET default_transaction_read_only = on")

    def clean_up(self) -> None:
        self.execute(f'DROP SCHEMA IF EXISTS "{self.schema}" CASCADE; DROP OWNED BY ROLE_NAME; DROP ROLE ROLE_NAME')

    def check(
        self, server: PostgresServer | None = None, environment: Mapping[str, str] | None = None
    ) -> tuple[int, list[str], str]:
        """The exit code, the lines of standard output, and standard error."""
        for name in [name for name in os.environ if name.startswith("TICKITI_REPLICA")]:
            self.monkeypatch.delenv(name)
        url = self.url(server or self.pair.standby, self.role)
        given = {"TICKITI_REPLICA_URL": url, "TICKITI_REPLICA_SCHEMA": self.schema, **(environment or {})}
        for name, value in given.items():
            self.monkeypatch.setenv(name, value)
        self.capsys.readouterr()
        code = main(["check"])
        output = self.capsys.readouterr()
        return code, output.out.splitlines(), output.err


@pytest.fixture(scope="module")
def database(pair: Pair) -> Iterator[None]:
    """A database of its own, so that what other tests leave behind is not found."""
    pair.primary.execute(f"CREATE DATABASE {DATABASE}")
    with contextlib.closing(psycopg2.connect(pair.primary.url_for("postgres", DATABASE))) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE EXTENSION pg_trgm")
    yield
    pair.primary.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def case(
    pair: Pair, database: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Case]:
    case = Case(pair, capsys, monkeypatch)
    case.set_up()
    yield case
    case.clean_up()


def test_nothing_is_found_in_a_sound_install(case: Case) -> None:
    case.execute(INDEX_FILE.read_text("utf-8"))
    code, lines, errors = case.check()
    assert (code, errors) == (0, "")
    assert [line for line in lines[:-1] if not re.match(r"ok       [\w ]+: \S", line)] == []
    assert lines[-1] == f"{len(lines) - 1} ok, 0 warnings, 0 faults"
    assert [line.split()[1] for line in lines].count("tickets:") == 1
    assert lines[-6] == "ok       indexes: all keys and indexes of 17 tables are there"


POWERLESS_VIEW = """
CREATE TABLE hidden (id bigint, name text);
ALTER TABLE teams RENAME TO old;
CREATE VIEW teams AS SELECT * FROM hidden;
CREATE ROLE check_owner;
GRANT USAGE, CREATE ON SCHEMA SCHEMA. TO check_owner;
ALTER VIEW teams OWNER TO check_owner;
GRANT SELECT ON teams TO ROLE_NAME
"""
BY_MEMBERSHIP = """
CREATE ROLE check_writer;
ALTER ROLE ROLE_NAME NOINHERIT;
GRANT check_writer TO ROLE_NAME;
GRANT TRUNCATE ON teams TO check_writer
"""


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        # missing or unreadable
        ("DROP TABLE watchlists", "fault    watchlists: is missing"),
        ("ALTER TABLE tickets DROP COLUMN resolution", "fault    tickets.resolution: is missing"),
        ("ALTER TABLE tickets RENAME COLUMN number TO no", "fault    tickets.number: is missing"),
        ("REVOKE SELECT ON teams FROM ROLE_NAME", "fault    teams.name: may not be read by the role"),
        (
            "REVOKE SELECT ON teams FROM ROLE_NAME; GRANT SELECT (id) ON teams TO ROLE_NAME",
            "fault    teams.name: may not be read by the role",
        ),
        (POWERLESS_VIEW, "fault    teams: cannot be read: permission denied for table hidden"),
        # types
        (
            "ALTER TABLE tickets ALTER priority TYPE text",
            "fault    tickets.priority: is text; the contract says a whole number; let a view give it as that",
        ),
        (
            "ALTER TABLE tickets ALTER number TYPE bigint",
            "warning  tickets.number: is bigint, wider than the contract's integer",
        ),
        # writable
        ("GRANT INSERT ON teams TO ROLE_NAME", "fault    role ROLE_NAME: may INSERT on SCHEMA.teams"),
        (
            "GRANT UPDATE, DELETE, TRUNCATE ON users TO ROLE_NAME",
            "fault    role ROLE_NAME: may UPDATE, DELETE, TRUNCATE on SCHEMA.users",
        ),
        (
            "GRANT UPDATE (name) ON users TO ROLE_NAME",
            "fault    role ROLE_NAME: may UPDATE on SCHEMA.users",
        ),
        ("GRANT DELETE ON users TO PUBLIC", "fault    role ROLE_NAME: may DELETE on SCHEMA.users"),
        (
            "CREATE TABLE own (); ALTER TABLE own OWNER TO ROLE_NAME",
            "fault    role ROLE_NAME: owns SCHEMA.own",
        ),
        (BY_MEMBERSHIP, "fault    role ROLE_NAME: may TRUNCATE on SCHEMA.teams"),
        ("ALTER ROLE ROLE_NAME SUPERUSER", "fault    role ROLE_NAME: is a superuser: "),
        (
            "CREATE ROLE check_super SUPERUSER; GRANT check_super TO ROLE_NAME",
            "fault    role ROLE_NAME: is a member of check_super, a superuser",
        ),
        (
            "ALTER ROLE ROLE_NAME CREATEROLE REPLICATION",
            "fault    role ROLE_NAME: has CREATEROLE, REPLICATION, and needs none of it",
        ),
        (
            "GRANT CREATE ON SCHEMA SCHEMA. TO ROLE_NAME",
            "fault    role ROLE_NAME: may CREATE in schema SCHEMA",
        ),
        (
            f"GRANT CREATE ON DATABASE {DATABASE} TO ROLE_NAME",
            f"fault    role ROLE_NAME: may CREATE in database {DATABASE}",
        ),
        ("ALTER SCHEMA SCHEMA. OWNER TO ROLE_NAME", "fault    role ROLE_NAME: owns schema SCHEMA"),
        (
            "ALTER ROLE ROLE_NAME RESET default_transaction_read_only",
            "warning  role ROLE_NAME: default_transaction_read_only is not set",
        ),
        (
            "CREATE TABLE extra (); CREATE TABLE other (id int); GRANT SELECT ON other TO ROLE_NAME",
            "warning  role ROLE_NAME: can read more than the contract: SCHEMA.other",
        ),
        # the link
        (
            "REVOKE pg_monitor FROM ROLE_NAME",
            "warning  link: the role may not see pg_stat_wal_receiver, so the link itself is not watched",
        ),
    ],
)
def test_each_fault_is_found(case: Case, broken: str, found: str) -> None:
    case.execute(broken.replace("SCHEMA SCHEMA.", f'SCHEMA "{case.schema}"'))
    try:
        code, lines, errors = case.check()
    finally:
        drop_roles(case)
    wanted = found.replace("ROLE_NAME", case.role).replace("SCHEMA", case.schema)
    assert [line for line in lines if line.startswith(wanted)], "\n".join(lines)
    assert (code, errors) == (1 if found.startswith("fault") else 0, "")
    assert lines[-1].endswith(" 0 faults") == (code == 0)


def drop_roles(case: Case) -> None:
    for role in ("check_owner", "check_writer", "check_super"):
        if case.pair.primary.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)):
            case.execute(f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")


COSTS = {
    "ALTER TABLE tickets ALTER updated_at TYPE timestamptz": (
        "tickets.updated_at: is timestamp with time zone, read as (updated_at AT TIME ZONE 'UTC'): that costs"
        " tickets_updated, tickets_queue_updated, tickets_unclosed_updated and 6 more;"
        " make it timestamp without time zone"
    ),
    "ALTER TABLE ticket_user_states ALTER is_retained DROP DEFAULT,"
    " ALTER is_retained TYPE integer USING CAST(is_retained AS integer)": (
        "ticket_user_states.is_retained: is integer, read as (is_retained <> 0): that costs ticket_user_states_flagged;"
        " make it boolean"
    ),
    "ALTER TABLE tickets ALTER number TYPE numeric(9, 2)": (
        "tickets.number: is numeric(9,2), read as CASE WHEN number >= -9223372036854775808 AND number <"
        " 9223372036854775808 THEN CAST(number AS bigint) END: that costs its key (number); make it integer"
    ),
    "ALTER TABLE tickets ALTER status TYPE character(10)": (
        "tickets.status: is character(10), read as CAST(status AS text): that costs tickets_unclosed_updated,"
        " tickets_unclosed_priority, tickets_unclosed_assignee_bytes and 2 more; make it text"
    ),
    'ALTER TABLE ticket_hashtags ALTER tag TYPE text COLLATE "C"': (
        'ticket_hashtags.tag: is text COLLATE "C", read as tag COLLATE "default": that costs its key (ticket_id, tag),'
        " ticket_hashtags_tag_bytes; make it text"
    ),
    "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; ALTER TABLE ticket_queues ALTER name TYPE public.citext;"
    "ALTER TABLE users ALTER email TYPE public.citext": (
        "ticket_queues.name: is public.citext, read as CAST(name AS text): that costs its key (name),"
        " ticket_queues_name_bytes; make it text"
    ),
}


@pytest.mark.parametrize("change", COSTS)
def test_what_a_type_costs_is_told(case: Case, change: str) -> None:
    case.execute(change)
    code, lines, _ = case.check()
    assert code == 0
    assert [line for line in lines if "that costs" in line] == [f"warning  {COSTS[change]}"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            "ALTER TABLE tickets ALTER priority TYPE text",
            "tickets.priority: is text; the contract says a whole number; let a view give it as that",
        ),
        (
            "ALTER TABLE responses ALTER plain_text TYPE bytea USING convert_to(plain_text, 'UTF8')",
            "responses.plain_text: is bytea; the contract says text; let a view give it as that",
        ),
    ],
)
def test_a_type_that_cannot_be_converted_is_a_fault(case: Case, change: str, found: str) -> None:
    case.execute(change)
    code, lines, _ = case.check()
    assert (code, [line for line in lines if line.startswith("fault")]) == (1, [f"fault    {found}"])


def test_types_that_fit_are_no_fault(case: Case) -> None:
    case.execute(
        "ALTER TABLE users ALTER email TYPE varchar(255); ALTER TABLE teams ALTER id TYPE integer;"
        "CREATE DOMAIN SCHEMA.short AS varchar(20); ALTER TABLE tickets ALTER status TYPE SCHEMA.short;"
        "ALTER TABLE perspective_conditions ALTER value TYPE json;"
        "ALTER TABLE tickets ALTER created_at TYPE timestamp(0), ALTER number TYPE smallint;"
        "ALTER TABLE personal_access_tokens ALTER token TYPE text"
    )
    code, lines, _ = case.check()
    assert code == 0
    for relation in ("users", "teams", "tickets", "personal_access_tokens"):
        assert f"ok       {relation}: is there with its {len(RELATIONS[relation])} columns" in lines


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('DROP SCHEMA "{0}" CASCADE', "is not there, and so nothing of the contract"),
        ('REVOKE USAGE ON SCHEMA "{0}" FROM ROLE_NAME', "the role has no USAGE on it"),
    ],
)
def test_a_schema_that_cannot_be_used_is_one_fault(case: Case, broken: str, said: str) -> None:
    case.execute(broken.format(case.schema))
    code, lines, _ = case.check()
    assert code == 1
    assert [line.startswith(f"fault    schema {case.schema}: {said}") for line in lines].count(True) == 1
    assert sum(line.startswith("fault") for line in lines) == 1


def test_each_missing_index_is_named(case: Case) -> None:
    code, lines, _ = case.check()
    named = {match[1] for line in lines if (match := re.search(r"lacks the index (\w+) ", line))}
    assert (code, named) == (0, set(INDEXES))


def test_a_missing_key_and_an_invalid_index_are_named(case: Case) -> None:
    case.execute(INDEX_FILE.read_text("utf-8"))
    case.execute(
        "ALTER TABLE queue_permissions DROP CONSTRAINT queue_permissions_pkey;"
        "ALTER TABLE tickets DROP CONSTRAINT tickets_number_key; CREATE INDEX tickets_number ON tickets (number);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST('SCHEMA.users_email_bytes' AS regclass)"
    )
    code, lines, _ = case.check()
    assert code == 0
    assert [line for line in lines if line.startswith("warning")] == [
        "warning  queue_permissions: lacks its key, a unique index on (user_id, queue_id)",
        "warning  tickets: lacks its key, a unique index on (number)",
        (
            'warning  users: lacks the index users_email_bytes (lower(email) COLLATE "C");'
            " see deploy/reporting_indexes.sql"
        ),
    ]


def test_an_index_counts_under_any_name_and_over_varchar(case: Case) -> None:
    case.execute(
        'ALTER TABLE users ALTER email TYPE varchar(255); CREATE INDEX by_mail ON users (lower(email) COLLATE "C");'
        "ALTER TABLE tickets ALTER status TYPE varchar(20);"
        "CREATE INDEX unclosed ON tickets (updated_at DESC, id DESC, queue_id) WHERE status <> 'closed'"
    )
    _, lines, _ = case.check()
    text = "\n".join(lines)
    assert "index users_email_bytes" not in text
    assert "index tickets_unclosed_updated" not in text
    assert "index tickets_updated" in text


# Table and column beneath have names of their own; `between` hides them once more.
VIEW = """
ALTER TABLE tickets RENAME TO base; ALTER TABLE base RENAME queue_id TO queue; {}
CREATE VIEW between AS SELECT *, queue AS kind FROM base;
CREATE VIEW tickets AS
SELECT id, number, subject, status, priority, {} AS queue_id, assigned_to_email, originator_email, resolution,
       on_hold_until, last_responder_email, last_response_at, response_count, is_draft, created_at, updated_at,
       deleted_at
FROM {};
GRANT SELECT ON tickets TO ROLE_NAME; REVOKE SELECT ON base FROM ROLE_NAME
"""


def test_indexes_beneath_a_view_count_by_what_they_are_on(case: Case) -> None:
    case.execute(INDEX_FILE.read_text("utf-8"))
    case.execute(VIEW.format("DROP INDEX tickets_queue_order;", "queue", "base"))
    code, lines, _ = case.check()
    assert code == 0
    assert [line for line in lines if line.startswith("warning")] == [
        f"warning  tickets: lacks the index reporting_tickets_queue_order (queue_id, id DESC) {ADVICE}"
    ]
    assert "ok       indexes: all keys and indexes of 16 tables are there" in lines


def test_indexes_beneath_two_views_count_by_their_names(case: Case) -> None:
    case.execute(INDEX_FILE.read_text("utf-8"))
    case.execute(VIEW.format("", "kind", "between"))
    _, lines, _ = case.check()
    missing = {match[1] for line in lines if (match := re.search(r"lacks the index reporting_(\w+)", line))}
    assert {"tickets_queue_order", "tickets_queue_updated"} <= missing
    for name in missing:
        case.execute(f"ALTER INDEX IF EXISTS {name} RENAME TO reporting_{name}")
    _, lines, _ = case.check()
    assert not any("lacks the index" in line for line in lines)
    count = [relation for relation, _ in (*KEYS_BENEATH.values(), *INDEXES.values())].count("tickets")
    assert f"ok       indexes: all {count} indexes of the tables beneath 1 view are there" in lines


def test_of_foreign_tables_it_says_that_indexes_are_not_checked(case: Case) -> None:
    case.execute(
        "CREATE EXTENSION IF NOT EXISTS file_fdw SCHEMA public; CREATE SERVER nowhere FOREIGN DATA WRAPPER file_fdw"
    )
    try:
        case.execute(
            "DROP TABLE teams; CREATE FOREIGN TABLE teams (id bigint, name text) SERVER nowhere"
            " OPTIONS (filename '/dev/null'); GRANT SELECT ON teams TO ROLE_NAME"
        )
        _, lines, _ = case.check()
    finally:
        case.execute("DROP EXTENSION file_fdw CASCADE")
    assert "ok       indexes: not checked where relations are foreign tables (1)" in lines
    assert [line for line in lines if line.startswith("warning  teams") and "cached" not in line] == []


def test_missing_trigrams_are_one_warning(case: Case) -> None:
    case.execute("DROP EXTENSION pg_trgm")
    try:
        _, lines, _ = case.check()
    finally:
        case.execute("CREATE EXTENSION pg_trgm SCHEMA public")
    assert [line for line in lines if "trgm" in line] == [
        "warning  indexes: pg_trgm is not installed: searches in texts read whole tables"
    ]


def test_a_primary_is_a_fault_unless_it_is_allowed(case: Case) -> None:
    code, lines, _ = case.check(case.pair.primary)
    assert code == 1
    assert any(line.startswith("fault    standby: the server is a primary") for line in lines)
    code, lines, _ = case.check(case.pair.primary, {"TICKITI_REQUIRE_STANDBY": "false"})
    assert code == 0
    assert any(line.startswith("warning  standby: the server is a primary") for line in lines)


def test_a_standby_says_that_it_is_one_and_how_late_it_is(case: Case) -> None:
    _, lines, _ = case.check()
    text = "\n".join(lines)
    assert "ok       standby: the server is a hot standby" in text
    assert re.search(r"^ok       lag: at most 0\.\d s behind; TICKITI_MAX_REPLICA_LAG_SECONDS is 60$", text, re.M)
    assert "ok       link: the link itself is watched; the WAL receiver is streaming" in text


def test_a_link_that_is_watched_too_slowly_is_a_warning(case: Case) -> None:
    _, lines, _ = case.check(environment={"TICKITI_MAX_REPLICA_LAG_SECONDS": "2"})
    assert any(
        line.startswith("warning  link: with wal_receiver_timeout = 2 s a dead link is noticed after 3 s")
        for line in lines
    )


@pytest.mark.parametrize(
    ("seconds", "max_lag", "line"),
    [
        (60.0, 60, "ok       link: a dead link is noticed after 32 s, in time for"),
        (60.0, 32, "ok       link: "),
        (
            60.0,
            31,
            "warning  link: with wal_receiver_timeout = 60 s a dead link is noticed after 32 s, later than",
        ),
        (0.0, 60, "warning  link: wal_receiver_timeout is 0"),
    ],
)
def test_the_receivers_timeout_is_held_against_the_lag(seconds: float, max_lag: int, line: str) -> None:
    assert str(server.judge_timeout(seconds, max_lag)).startswith(line)


@pytest.mark.parametrize(
    ("version", "major", "line"),
    [
        ("12.20", 12, "fault    server: PostgreSQL 12.20 is too old"),
        (
            "14.9",
            14,
            "warning  server: on PostgreSQL 14.9 no cached answer can be proved fresh, only from 15 to 18",
        ),
        ("15.1", 15, "ok       server: PostgreSQL 15.1: cached answers can be proved fresh"),
        ("18.6", 18, "ok       server: "),
        ("19beta1", 19, "warning  server: on PostgreSQL 19beta1 no cached answer can be proved fresh"),
    ],
)
def test_the_version_says_whether_proofs_are_possible(version: str, major: int, line: str) -> None:
    assert str(server.judge_version(version, major)).startswith(line)


def test_a_standby_without_a_receiver_is_a_warning() -> None:
    assert str(server.judge_receiver([])).startswith("warning  link: no WAL receiver runs")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TICKITI_REPLICA_URL": ""}, "TICKITI_REPLICA_URL is required"),
        ({"TICKITI_REPLICA_URL": "mysql://x"}, "TICKITI_REPLICA_URL must be a URL"),
        ({"TICKITI_REPLICA_SCHEMA": "a-b"}, "TICKITI_REPLICA_SCHEMA must be the name of a schema"),
        (
            {"TICKITI_REPLICA_URL": f"postgresql:///x?host={quote('/no/such')}"},
            "no server of TICKITI_REPLICA_URL can be connected to: ",
        ),
    ],
)
def test_without_settings_or_a_server_it_says_so_and_ends_with_2(
    case: Case, environment: dict[str, str], said: str
) -> None:
    code, lines, errors = case.check(environment=environment)
    assert (code, lines) == (2, [])
    assert errors.startswith(f"python -m tickiti_query: {said}")
    assert errors.count("\n") == 1


def test_wrong_usage_ends_with_2_and_help_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    for argv, code in (
        ([], 2),
        (["chekc"], 2),
        (["check", "--nope"], 2),
        (["--help"], 0),
        (["check", "-h"], 0),
    ):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == code
    assert "Exit code: 0 without faults" in capsys.readouterr().out


def test_it_runs_as_a_program(case: Case) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TICKITI_")},
        "TICKITI_REPLICA_URL": case.url(case.pair.standby, case.role),
        "TICKITI_REPLICA_SCHEMA": case.schema,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tickiti_query", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith(" 0 faults")


def test_the_list_of_indexes_is_that_of_the_file() -> None:
    text = re.sub(r"\s+", " ", INDEX_FILE.read_text("utf-8").replace("%I.", ""))
    there = {
        name: (relation, normalize(definition))
        for name, relation, definition in re.findall(
            r"CREATE INDEX IF NOT EXISTS (\w+) ON (\w+) (.*?)(?:;|', trgm)", text
        )
    }
    ours = {name: (relation, normalize(definition)) for name, (relation, definition) in INDEXES.items()}
    assert there == ours


def test_every_relation_has_a_key() -> None:
    assert KEYS.keys() == RELATIONS.keys()


def test_a_null_that_the_contract_does_not_have_is_named(case: Case) -> None:
    case.execute(
        """
ALTER TABLE tickets ALTER updated_at DROP NOT NULL, ALTER subject DROP NOT NULL;
ALTER TABLE users RENAME TO people;
CREATE VIEW users AS SELECT id, name, CAST(NULLIF(email, '') AS text) AS email, is_staff, is_active, sees_all_queues
FROM people;
GRANT SELECT ON users TO ROLE_NAME;
INSERT INTO people (id, name, email) VALUES (1, 'Ann', 'ann@x.example'), (2, 'Bob', '');
INSERT INTO tickets (id, number, subject, status, priority, queue_id, originator_email, created_at)
VALUES (1, 1, 'x', 'open', 20, 1, 'ann@x.example', now());
"""
    )
    code, lines, _ = case.check()
    named = [line.partition(": ")[0] for line in lines if "is NULL in a row" in line]
    assert (code, named) == (0, ["warning  tickets.updated_at", "warning  users.email"])


def test_a_newest_commit_that_is_too_old_is_a_fault_where_its_age_has_a_limit(case: Case) -> None:
    assert not any("COMMIT_AGE" in line for line in case.check()[1])
    environment = {"TICKITI_MAX_COMMIT_AGE_SECONDS": "1"}
    words = r"fault +lag: the newest commit is \d+ s old, and TICKITI_MAX_COMMIT_AGE_SECONDS is 1: every request .* 503"
    wait_until(lambda: any(re.fullmatch(words, line) for line in case.check(environment=environment)[1]))
