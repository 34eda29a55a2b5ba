"""A contract over views that read the clock, files or settings: what may change without a commit is read every time."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo import binaries
from demo.loading import READER
from demo.pair import Pair
from tests.support.shop import TOM, Shop, open_shop
from tickiti_query.cli import main
from tickiti_query.reporting.contract import RELATIONS

SCHEMA = "viewed"
CONTENT = {"search_object": {"criteria": [{"mode": "content", "tokens": ["refund"]}]}}


@pytest.fixture(scope="module")
def viewed(shop_pair: Pair) -> Iterator[Pair]:
    """The shop through views, over a second schema where tests change what is beneath."""
    statements = [
        f"CREATE SCHEMA {SCHEMA}",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}",
        "CREATE SCHEMA under",
        "CREATE TABLE under.queues AS SELECT * FROM reporting.ticket_queues",
        "CREATE FUNCTION under.spell(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
        "CREATE VIEW under.queues_again AS SELECT * FROM under.queues",
    ]
    for relation, columns in RELATIONS.items():
        statements.append(f"CREATE VIEW {SCHEMA}.{relation} AS SELECT {', '.join(columns)} FROM reporting.{relation}")
    statements.append(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {READER}")
    shop_pair.primary.execute("; ".join(statements))
    yield shop_pair
    shop_pair.primary.execute(f"DROP SCHEMA {SCHEMA} CASCADE; DROP SCHEMA under CASCADE")


@pytest.fixture
def viewing(viewed: Pair) -> Shop:
    return open_viewing(viewed)


def open_viewing(pair: Pair) -> Shop:
    """The service over the views, with a cache in which time ends no entry."""
    return open_shop(pair, replica_schema=SCHEMA, cache_ttl_seconds=3600)


def write_view(relation: str, name: str = "name", rest: str = "", table: str | None = None) -> str:
    columns = ", ".join(f"{name} AS name" if column == "name" else column for column in RELATIONS[relation])
    return (
        f"CREATE OR REPLACE VIEW {SCHEMA}.{relation} AS SELECT {columns} FROM {table or f'reporting.{relation}'} {rest}"
    )


@contextlib.contextmanager
def replace_view(pair: Pair, relation: str, *changes: str) -> Iterator[None]:
    """Change views for a block; the one of the contract is as it was when it ends."""
    pair.primary.execute("; ".join(changes))
    try:
        yield
    finally:
        pair.primary.execute(write_view(relation))


def ask(shop: Shop, body: Any = None) -> tuple[str, list[dict[str, Any]]]:
    """The word of the service about its cache, and the rows."""
    response = shop.ask(TOM, body)
    assert response.status_code == 200, response.text
    word = response.headers["Cache-Status"].removeprefix("tickiti-query; ").partition("; ttl")[0]
    return word, json.loads(response.data)["data"]


def are_kept(shop: Shop, body: Any = None) -> bool:
    """True where an answer is kept, after it was asked step by step, and by what that came to."""
    words = [ask(shop, body)[0] for _ in range(3)]
    assert words in (["fwd=miss; stored", "hit", "hit"], ["hit", "hit", "hit"], ["fwd=miss"] * 3), words
    return words[-1] == "hit"


def test_answers_over_views_are_kept(viewing: Shop) -> None:
    assert are_kept(viewing)


CHANGES = {
    "now": (write_view("ticket_queues", rest="WHERE now() > '2020-01-01'"),),
    "the date": (write_view("ticket_queues", rest="WHERE CURRENT_DATE > '2020-01-01'"),),
    "a random number": (write_view("ticket_queues", rest="WHERE random() >= 0"),),
    "a setting": (write_view("ticket_queues", rest="WHERE current_setting('app.tenant', TRUE) IS DISTINCT FROM 'x'"),),
    "a view beneath": (
        "CREATE OR REPLACE VIEW under.queues_again AS SELECT * FROM under.queues WHERE now() > '2020-01-01'",
        write_view("ticket_queues", table="under.queues_again"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_view_that_begins_to_read_something_else_is_read_every_time(viewed: Pair, viewing: Shop, name: str) -> None:
    assert are_kept(viewing)
    with replace_view(viewed, "ticket_queues", *CHANGES[name]):
        assert not are_kept(viewing)
        assert not are_kept(open_viewing(viewed))
    assert are_kept(viewing)


UNSECURED = "ALTER TABLE under.queues DISABLE ROW LEVEL SECURITY"
BENEATH = {
    "a function": (
        write_view("ticket_queues", "under.spell(name)"),
        "ALTER FUNCTION under.spell(text) VOLATILE",
        "ALTER FUNCTION under.spell(text) IMMUTABLE",
    ),
    "a view": (
        "CREATE OR REPLACE VIEW under.queues_again AS SELECT * FROM under.queues;"
        + write_view("ticket_queues", table="under.queues_again"),
        "CREATE OR REPLACE VIEW under.queues_again AS SELECT * FROM under.queues WHERE now() > '2020-01-01'",
        "CREATE OR REPLACE VIEW under.queues_again AS SELECT * FROM under.queues",
    ),
    "row-level security": (
        "CREATE POLICY by_setting ON under.queues USING (current_setting('app.tenant', TRUE) IS NULL);"
        + write_view("ticket_queues", table="under.queues"),
        "ALTER TABLE under.queues ENABLE ROW LEVEL SECURITY",
        f"{UNSECURED}; DROP POLICY by_setting ON under.queues",
    ),
    "a policy": (
        "CREATE POLICY of_all ON under.queues USING (TRUE); ALTER TABLE under.queues ENABLE ROW LEVEL SECURITY;"
        + write_view("ticket_queues", table="under.queues"),
        "CREATE POLICY by_clock ON under.queues USING (now() > '2020-01-01')",
        f"DROP POLICY of_all ON under.queues; DROP POLICY by_clock ON under.queues; {UNSECURED}",
    ),
}


@pytest.mark.parametrize("name", BENEATH)
def test_what_changes_beneath_a_view_counts_at_once(viewed: Pair, viewing: Shop, name: str) -> None:
    before, change, undo = BENEATH[name]
    with replace_view(viewed, "ticket_queues", before):
        assert are_kept(viewing)
        viewed.primary.execute(change)
        try:
            assert not are_kept(viewing)
        finally:
            viewed.primary.execute(undo)
        assert are_kept(viewing)


def test_row_level_security_on_a_table_of_the_contract_counts_too(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, cache_ttl_seconds=3600)
    assert are_kept(shop)
    secured, of_all = "ALTER TABLE ticket_queues ENABLE ROW LEVEL SECURITY", "CREATE POLICY of_all ON ticket_queues"
    policy = "CREATE POLICY by_clock ON ticket_queues USING (now() > '2020-01-01')"
    with shop.change(secured, "ALTER TABLE ticket_queues DISABLE ROW LEVEL SECURITY"):
        with shop.change(f"{of_all} USING (TRUE)", "DROP POLICY of_all ON ticket_queues"):
            assert are_kept(shop)
            with shop.change(policy, "DROP POLICY by_clock ON ticket_queues"):
                assert not are_kept(shop)
            assert are_kept(shop)
        with shop.change(policy, "DROP POLICY by_clock ON ticket_queues"):
            assert not are_kept(shop)
    secure, release = (f"ALTER TABLE ticket_queues {word} ROW LEVEL SECURITY" for word in ("ENABLE", "DISABLE"))
    with shop.change(f"{policy}; {secure}", f"{release}; DROP POLICY by_clock ON ticket_queues"):
        assert not are_kept(shop)
    assert are_kept(shop)


def test_what_does_not_touch_such_a_view_is_kept(viewed: Pair, viewing: Shop) -> None:
    spelled = ", ".join(RELATIONS["responses"])
    view = f"CREATE OR REPLACE VIEW {SCHEMA}.responses AS SELECT {spelled} FROM reporting.responses"
    viewed.primary.execute(f"{view} WHERE created_at < now() + interval '1 year'")
    try:
        assert are_kept(viewing)
        assert not are_kept(viewing, CONTENT)
        assert are_kept(viewing)
    finally:
        viewed.primary.execute(view)
    assert are_kept(viewing, CONTENT)


def test_rows_of_a_file_are_those_that_it_has_now(viewed: Pair, viewing: Shop) -> None:
    queues = viewed.primary.execute("SELECT id, name, is_parked FROM reporting.ticket_queues ORDER BY id")
    file = viewed.directory / "queues.csv"

    def write_queues(suffix: str) -> None:
        file.write_text("".join(f"{number},{name}{suffix},{parked}\n" for number, name, parked in queues))
        binaries.hand_over(viewed.directory)

    write_queues("")
    viewed.primary.execute(
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
        "CREATE FOREIGN TABLE under.file_queues (id bigint, name text, is_parked boolean) SERVER files"
        f" OPTIONS (filename '{file}', format 'csv')"
    )
    try:
        with replace_view(viewed, "ticket_queues", write_view("ticket_queues", table="under.file_queues")):
            for suffix in ("", " (new)", " (newer)"):
                write_queues(suffix)
                for _ in range(2):
                    word, rows = ask(viewing)
                    assert word == "fwd=miss"
                    assert {row["queue"] for row in rows} <= {f"{name}{suffix}" for _, name, _ in queues}
    finally:
        viewed.primary.execute("DROP EXTENSION file_fdw CASCADE")


def test_check_names_the_relation_and_what_it_reads(
    viewed: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TICKITI_REPLICA_URL", viewed.standby.url_for(READER))
    monkeypatch.setenv("TICKITI_REPLICA_SCHEMA", SCHEMA)
    with replace_view(viewed, "ticket_queues", write_view("ticket_queues", rest="WHERE CURRENT_DATE > '2020-01-01'")):
        assert main(["check"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "CURRENT_DATE" in line]
    assert [line.partition(" ")[0] for line in lines] == ["warning"]
    assert "ticket_queues: reads CURRENT_DATE" in lines[0]
    assert main(["check"]) == 0
    assert "CURRENT_DATE" not in capsys.readouterr().out
