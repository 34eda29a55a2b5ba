"""deploy/reporting_views.sql over other layouts: no index makes a write fail, and each that is left out is listed."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import extensions

from demo.binaries import build_environment, find_bindir
from demo.pair import Pair
from tests.support.laravel import TABLES, write_views

DATABASE = "other_layout"
TICKET = """
INSERT INTO tickets (number, subject, status, priority, ticket_queue_id, originator_email, response_count, is_draft)
VALUES (1, 'A', 'open', 20, 1, 'a@b.example', 0, false)"""
UNLIKE = "a value that its expression does not take would make a write fail"
TOO_LONG = "a text that is too long for an index would make a write fail"
REFUSED = "PostgreSQL does not allow it: see its message above"
NOT_MADE = "PostgreSQL could not make it: see its message above"
LONG = "(SELECT string_agg(md5(CAST(n AS text)), '') FROM generate_series(1, 1000) n)"


@pytest.fixture
def url(pair: Pair) -> Iterator[str]:
    """A database with Tickiti's tables and one ticket."""
    pair.primary.execute(f"CREATE DATABASE {DATABASE}")
    url = pair.primary.url_for("postgres", DATABASE)
    try:
        execute(url, f"CREATE EXTENSION pg_trgm; {TABLES}; {TICKET}")
        yield url
    finally:
        pair.primary.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        pair.primary.execute("DROP ROLE IF EXISTS tickiti_reporting")


def execute(url: str, sql: str) -> None:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)


@contextlib.contextmanager
def connect(url: str) -> Iterator[extensions.connection]:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        yield connection


def list_indexes(url: str) -> set[str]:
    """The script's indexes, valid or not, without their prefix."""
    sql = "SELECT substr(relname, 11) FROM pg_class WHERE relkind IN ('i', 'I') AND starts_with(relname, 'reporting_')"
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return {name for (name,) in cursor.fetchall()}


def run_script(url: str, script: Path, **options: str) -> subprocess.CompletedProcess[str]:
    """Run it as its manual says."""
    given = [f"--set={name}={value}" for name, value in {"ON_ERROR_STOP": "1", **options}.items()]
    command = [str(find_bindir() / "psql"), "-Xq", *given, "-d", url, "-f", str(script)]
    ran = subprocess.run(command, env=build_environment(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran


def read_left_out(output: str) -> dict[str, str]:
    """Each index that the script says it left out, and why."""
    rows = [line.split("|") for line in output.splitlines() if line.startswith(" reporting_")]
    return {name.strip().removeprefix("reporting_"): why.strip() for name, why in rows}


LAYOUTS = {
    "a number that is a text": (
        "ALTER TABLE tickets ADD reference varchar(20) UNIQUE; UPDATE tickets SET reference = '1'",
        {"tickets_number": "reference"},
        "UPDATE tickets SET reference = 'AB-1'",
        {"tickets_number": UNLIKE},
    ),
    "a number that is read from a text": (
        "ALTER TABLE tickets ADD reference varchar(20); UPDATE tickets SET reference = '1'",
        {"tickets_number": "'CAST(substr(reference, 4) AS integer)'"},
        "UPDATE tickets SET reference = 'AB-X'",
        {"tickets_number": UNLIKE},
    ),
    "a priority that is larger than the contract's": (
        "ALTER TABLE tickets ALTER priority TYPE bigint",
        {},
        "UPDATE tickets SET priority = 40000",
        dict.fromkeys(
            ("tickets_unclosed_priority", "tickets_priority", "tickets_priority_first", "tickets_priority_last"), UNLIKE
        ),
    ),
    "a quotient": (
        "",
        {"tickets_response_count": "'100 / response_count'"},
        "UPDATE tickets SET response_count = 0",
        {"tickets_response_count_first": UNLIKE, "tickets_response_count_last": UNLIKE},
    ),
    "a flag that is a text": (
        "ALTER TABLE ticket_user ALTER is_retained TYPE varchar(9)",
        {},
        "INSERT INTO ticket_user VALUES (1, 1, NULL, 'maybe', 0)",
        {"ticket_user_states_flagged": UNLIKE},
    ),
    "a subject of any length": (
        "ALTER TABLE tickets ALTER subject TYPE text",
        {},
        f"UPDATE tickets SET subject = {LONG}",
        {"tickets_subject_order": TOO_LONG},
    ),
    "an e-mail of any length": (
        "ALTER TABLE ticket_participants ALTER email TYPE text",
        {},
        f"INSERT INTO ticket_participants (ticket_id, email) VALUES (1, {LONG})",
        {"ticket_participants_email_bytes": TOO_LONG},
    ),
    "times with a zone": (
        "ALTER TABLE tickets ALTER last_response_at TYPE timestamptz",
        {},
        "UPDATE tickets SET last_response_at = 'infinity'",
        {"tickets_last_response_first": REFUSED, "tickets_last_response_last": REFUSED},
    ),
    "an expression after INCLUDE": (
        "",
        {"ticket_hashtags_tag": "'upper(tag)'"},
        "INSERT INTO ticket_hashtags (ticket_id, tag) VALUES (1, 'a')",
        {"ticket_hashtags_tag_bytes": REFUSED},
    ),
    "responses that are a view": (
        "ALTER TABLE ticket_responses RENAME TO replies; CREATE VIEW ticket_responses AS SELECT * FROM replies",
        {},
        "INSERT INTO replies (ticket_id, plain_text, is_internal, created_by_email) VALUES (1, 'a', false, 'a')",
        {"responses_ticket": NOT_MADE, "responses_text_trgm": NOT_MADE},
    ),
}


@pytest.mark.parametrize(("change", "names", "write", "left_out"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_write_never_fails_by_an_index_and_what_is_left_out_is_listed(
    url: str, tmp_path: Path, change: str, names: dict[str, str], write: str, left_out: dict[str, str]
) -> None:
    execute(url, f"SELECT 1; {change}")
    ran = run_script(url, write_views(tmp_path / "views.sql", **names))
    execute(url, write)
    assert read_left_out(ran.stdout) == left_out
    assert not left_out.keys() & list_indexes(url)
    assert len(list_indexes(url) | left_out.keys()) >= 44


ALLOWED = {
    "times with a zone, read in one": (
        "ALTER TABLE tickets ALTER created_at TYPE timestamptz",
        {"tickets_created_at": "'created_at AT TIME ZONE ''UTC'''"},
    ),
    "smaller keys": (
        "ALTER TABLE tickets ALTER id TYPE integer; ALTER TABLE tickets ALTER ticket_queue_id TYPE smallint",
        {"tickets_is_draft": "'created_at IS NULL'"},
    ),
    "times with fractions": ("ALTER TABLE tickets ALTER updated_at TYPE timestamp(6)", {}),
    "a status of any length": ("ALTER TABLE tickets ALTER status TYPE text", {}),
}


@pytest.mark.parametrize(("change", "names"), ALLOWED.values(), ids=ALLOWED)
def test_what_fails_on_no_value_has_all_its_indexes(
    url: str, tmp_path: Path, change: str, names: dict[str, str]
) -> None:
    execute(url, change)
    ran = run_script(url, write_views(tmp_path / "views.sql", **names))
    assert (read_left_out(ran.stdout), ran.stderr) == ({}, "")
    assert "0 left out" in ran.stdout


def test_an_index_of_an_earlier_run_that_is_left_out_now_is_dropped(url: str, tmp_path: Path) -> None:
    execute(
        url,
        "ALTER TABLE tickets ADD reference varchar(20); UPDATE tickets SET reference = '1';"
        "CREATE INDEX reporting_tickets_number ON tickets (CAST(reference AS integer))",
    )
    run_script(url, write_views(tmp_path / "views.sql", tickets_number="reference"))
    execute(url, "UPDATE tickets SET reference = 'AB-1'")


def test_an_index_that_was_begun_and_failed_is_not_left_behind(url: str, tmp_path: Path) -> None:
    execute(url, f"ALTER TABLE tickets ALTER subject TYPE text; UPDATE tickets SET subject = {LONG}")
    ran = run_script(url, write_views(tmp_path / "views.sql"), long_texts="on")
    assert read_left_out(ran.stdout) == {"tickets_subject_order": NOT_MADE}
    assert "tickets_subject_order" not in list_indexes(url)


def test_long_texts_are_indexed_where_that_is_asked_for(url: str, tmp_path: Path) -> None:
    execute(url, "ALTER TABLE tickets ALTER subject TYPE text")
    ran = run_script(url, write_views(tmp_path / "views.sql"), long_texts="on")
    assert read_left_out(ran.stdout) == {}
    assert "tickets_subject_order" in list_indexes(url)
