"""Other collations than the database's own, and another version of its own: every answer is the contract's.

The embedded PostgreSQL has no ICU, and so no collation that is not deterministic; Debian's has.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient

from app import create_service
from config.settings import Settings
from demo.binaries import BINDIR_VARIABLE
from demo.loading import READER, create_reader, create_schema, load_world
from demo.pair import Pair
from tests.oracle.example import ANN, MINE, make_world, set_mine
from tests.oracle.worked_cases import WORKED
from tests.support.difference import SCHEMA, make_tokens, secret_of
from tests.support.odd_columns import COLLATED, MAKE_COLLATIONS, OddComparison, open_odd_comparison
from tickiti_query.cli import main

INDEX_FILE = Path(__file__).parents[2] / "deploy" / "reporting_indexes.sql"
DEBIANS = Path("/usr/lib/postgresql/15/bin")
pytestmark = pytest.mark.skipif(not DEBIANS.is_dir(), reason="PostgreSQL 15 is not installed")
SHARE = 3


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair of Debian's PostgreSQL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BINDIR_VARIABLE, str(DEBIANS))
        pair = Pair.create(tmp_path_factory.mktemp("older")).start()
    with pair:
        yield pair


@pytest.fixture(scope="module", params=COLLATED)
def comparison(older: Pair, request: pytest.FixtureRequest) -> Iterator[OddComparison]:
    kind = COLLATED[request.param]
    with open_odd_comparison(older.primary, older.standby, kind, MAKE_COLLATIONS) as opened:
        opened.number = list(COLLATED).index(request.param)
        yield opened


def test_the_worked_cases_are_answered_as_the_oracle_says(comparison: OddComparison) -> None:
    """Each case meets some of the kinds."""
    for world, user_id, body in list(WORKED.values())[comparison.number % SHARE :: SHARE]:
        trimmed = comparison.trim(world)
        comparison.load(trimmed)
        comparison.compare(trimmed, user_id, body)


# what was seen -> conditions, columns, and the body
SEEN = {
    "contains": ([("subject", "contains", "CARBON")], [], {"perspective_id": MINE}),
    "a perspective in another case": ([], [], {"search_object": {"search_perspective": "MINE"}}),
    "a queue in another case": ([("queue", "is", "SALES")], [], {"perspective_id": MINE}),
    "two columns of two collations": ([], ["assignee_name", "originator_name"], {"perspective_id": MINE}),
    "a status in another case": ([("status", "is not", "open")], [], {"perspective_id": MINE}),
    "an address with a capital I": ([("assignee", "is", "BOB@X.IO")], [], {"perspective_id": MINE}),
    "a letter beyond ASCII": ([("hashtag", "is", "été")], [], {"perspective_id": MINE}),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_was_seen_is_answered_as_the_oracle_says(comparison: OddComparison, name: str) -> None:
    conditions, columns, body = SEEN[name]
    world = set_mine(make_world(), conditions, columns=columns)
    comparison.load(world)
    comparison.compare(world, ANN, body)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        (
            "LOCALE 'C'",
            "the database's lower() leaves À, Å, É, Ñ, Ö and 15 more as they are: to it, É and é are different letters",
        ),
        (
            "LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C.UTF-8'",
            "the database's lower() gives ı for I: an address or text with such a capital is not found",
        ),
        ("LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'", None),
    ],
)
def test_check_says_what_the_database_folds_in_another_way(
    older: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], locale: str, said: str | None
) -> None:
    older.primary.execute(f"CREATE DATABASE folding TEMPLATE template0 {locale}")
    try:
        older.wait_replayed()
        monkeypatch.setenv("TICKITI_REPLICA_URL", older.standby.url_for("postgres", "folding"))
        main(["check"])
    finally:
        older.primary.execute("DROP DATABASE folding WITH (FORCE)")
    lines = [line for line in capsys.readouterr().out.splitlines() if "lower()" in line]
    assert len(lines) == (said is not None)
    assert said is None or lines[0].startswith(f"warning  server: {said}")


class Aged:
    """A database whose indexes were sorted by an older collation library, as a replica in a newer image sees it."""

    def __init__(self, pair: Pair) -> None:
        self.primary = pair.primary
        self.url = pair.standby.url_for(READER, "aged")
        self.settings = Settings(replica_url=self.url, replica_schema=SCHEMA, rate_limit=None)

    def connect(self) -> Any:
        return psycopg2.connect(self.primary.url_for("postgres", "aged"))

    def execute(self, sql: str) -> None:
        with contextlib.closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"SET search_path TO {SCHEMA}, public; {sql}")

    def ask(self, client: FlaskClient, body: Any) -> list[int]:
        """The numbers of the tickets in the answer."""
        headers = {"Authorization": f"Bearer {secret_of(ANN)}"}
        answer = client.post("/api/v1/tickets/query", json={"row_limit": 5000, **body}, headers=headers)
        assert answer.status_code == 200, answer.get_json()
        return [row["number"] for row in answer.get_json()["data"]]


# The order of the database, from the version that indexes were made with to that of the server.
AGE = """
UPDATE pg_database SET daticulocale = 'en-u-ka-shifted', datcollversion = '1.0.old' WHERE datname = 'aged'"""
# The look-ups of earlier versions of this service, as installs have them.
EARLIER = """
CREATE INDEX tickets_assignee ON tickets (lower(assigned_to_email), updated_at DESC, id DESC);
CREATE INDEX users_email ON users (lower(email));
CREATE INDEX ticket_participants_email ON ticket_participants (lower(email), ticket_id) INCLUDE (email);
"""
PEOPLE = 120


def spell_person(number: int) -> str:
    return f"{'a-b c_d'[number % 7]}.{number * 37 % 101}-x {number}@shop.example"


@pytest.fixture
def aged(older: Pair) -> Iterator[Aged]:
    older.primary.execute(
        "CREATE DATABASE aged TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'"
    )
    found = Aged(older)
    try:
        with contextlib.closing(found.connect()) as connection:
            create_schema(connection, SCHEMA)
            create_reader(connection, SCHEMA)
            world = make_world()
            ticket = world["tickets"][0]
            world["tickets"] = [
                ticket | {"id": number, "number": number, "assigned_to_email": spell_person(number % PEOPLE)}
                for number in range(1, 3001)
            ]
            world["responses"] = world["ticket_user_states"] = []
            load_world(connection, {**world, "personal_access_tokens": make_tokens(world)}, SCHEMA)
        yield found
    finally:
        older.primary.execute("DROP DATABASE aged WITH (FORCE)")


def find_of_everybody(aged: Aged, client: FlaskClient) -> dict[int, int]:
    """The number of tickets that each person is found to have."""
    found = {}
    for number in range(PEOPLE):
        criteria = [{"mode": "assigned", "tokens": [spell_person(number)]}]
        found[number] = len(aged.ask(client, {"search_object": {"criteria": criteria}}))
    return found


EVERYBODY = dict.fromkeys(range(PEOPLE), 3000 // PEOPLE)


def test_a_newer_collation_library_loses_no_rows(aged: Aged) -> None:
    """It does with the indexes of earlier days; those of deploy/ are taken as soon as they are there."""
    aged.execute(f"{EARLIER} ANALYZE")
    client = create_service(aged.settings).app.test_client()
    assert find_of_everybody(aged, client) == EVERYBODY
    aged.primary.execute(AGE)
    # A session keeps the collation that it began with.
    client = create_service(aged.settings).app.test_client()
    assert find_of_everybody(aged, client) != EVERYBODY  # what happens without the new indexes
    aged.execute("CREATE EXTENSION pg_trgm SCHEMA public")
    aged.execute(INDEX_FILE.read_text("utf-8"))
    assert find_of_everybody(aged, client) == EVERYBODY


def test_a_newer_collation_library_is_told_everywhere(
    aged: Aged,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    operations = create_service(aged.settings).admin_app.test_client()
    assert "warnings" not in operations.get("/readyz").get_json()
    assert "\ntickiti_query_collations_changed 0.0\n" in operations.get("/metrics").text
    aged.primary.execute(AGE)
    operations = create_service(aged.settings).admin_app.test_client()
    log = logging.getLogger("tickiti_query.health")
    log.addHandler(caplog.handler)
    try:
        answer = operations.get("/readyz")
        assert operations.get("/readyz").get_json() == answer.get_json()
    finally:
        log.removeHandler(caplog.handler)
    [told] = answer.get_json()["warnings"]
    assert answer.status_code == 200
    assert told.startswith("the database was made with version 1.0.old of its collation library, and the server has ")
    assert "\ntickiti_query_collations_changed 1.0\n" in operations.get("/metrics").text
    [record] = [record for record in caplog.records if record.message == "collations have changed"]
    assert record.__dict__["facts"] == {"reason": told}
    monkeypatch.setenv("TICKITI_REPLICA_URL", aged.url)
    monkeypatch.setenv("TICKITI_REPLICA_SCHEMA", SCHEMA)
    main(["check"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(f"warning  collations: {told}: an index on texts may lack rows")]
