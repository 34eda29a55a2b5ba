"""A statement over the contract fits the relations as they are, and its guard tells when they are so no more."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from demo.loading import create_schema
from demo.pair import Pair
from tickiti_query.model.statement import Statement
from tickiti_query.reporting.columns import read_relations
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.contract_source import ContractSource, ContractSources

SCHEMA = "fitted"
BY_EMAIL = Statement("""SELECT u.id FROM users u WHERE lower(u.email) COLLATE "C" = 'a'""")
BY_ID = Statement("SELECT u.email FROM users u WHERE u.id = CAST(5 AS bigint)")


class Catalogue:
    """A connection to the primary, as a source of rows."""

    def __init__(self, pair: Pair) -> None:
        self._connection = pair.primary.connect(
            options=f"-c search_path={SCHEMA} -c enable_seqscan=off -c enable_bitmapscan=off"
        )
        self.sources = ContractSources()

    def execute(self, sql: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def fetch(self, statement: Statement) -> list[Any]:
        binds = {name: list(value) for name, value in statement.params if isinstance(value, tuple)}
        with self._connection.cursor() as cursor:
            cursor.execute(re.sub(r"(?<!:):(\w+)", r"%(\1)s", statement.sql), binds or None)
            rows: list[Any] = cursor.fetchall()
            return rows

    def open(self) -> ContractSource:
        return self.sources.open(self)

    def explain(self, statement: Statement) -> str:
        """The plan of a statement over the contract."""
        fitted = self.open().fit(statement)
        return "\n".join(line for (line,) in self.fetch(Statement(f"EXPLAIN {fitted.sql}")))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def catalogue(pair: Pair) -> Iterator[Catalogue]:
    with contextlib.closing(pair.primary.connect()) as connection:
        connection.autocommit = False
        create_schema(connection, SCHEMA)
    with contextlib.closing(Catalogue(pair)) as opened:
        yield opened
        opened.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


VIEW = """
ALTER TABLE users RENAME TO people;
CREATE VIEW users AS SELECT id, name, email, is_staff, is_active, sees_all_queues FROM people"""
TWO_VIEWS = f"{VIEW}; ALTER VIEW users RENAME TO between; CREATE VIEW users AS SELECT * FROM between"
LOWERED = """
CREATE OR REPLACE VIEW users AS
SELECT id, name, lower(email) AS email, is_staff, is_active, sees_all_queues FROM people"""
BYTES = 'CREATE INDEX by_mail ON {} (lower(email) COLLATE "C")'


def change(catalogue: Catalogue, sql: str) -> bool:
    """True where the guard of what reads users tells of a change."""
    contract = catalogue.open()
    contract.fit(BY_EMAIL)
    before = catalogue.fetch(contract.guard)
    assert catalogue.fetch(contract.guard) == before
    catalogue.execute(sql)
    return catalogue.fetch(contract.guard) != before


@pytest.mark.parametrize(
    ("layout", "changes"),
    [
        ("", "ALTER TABLE users ALTER email TYPE varchar"),
        ("", 'ALTER TABLE users ALTER email TYPE text COLLATE "C"'),
        ("", "ALTER TABLE users ALTER id TYPE numeric"),
        ("", "ALTER TABLE users RENAME TO people; CREATE TABLE users (LIKE people)"),
        ("", BYTES.format("users")),
        (BYTES.format("users"), "DROP INDEX by_mail"),
        (VIEW, "DROP VIEW users; CREATE VIEW users AS SELECT * FROM people"),
        (VIEW, LOWERED),
        (VIEW, BYTES.format("people")),
        (TWO_VIEWS, BYTES.format("people")),
    ],
)
def test_the_guard_tells_of_each_change(catalogue: Catalogue, layout: str, changes: str) -> None:
    catalogue.execute(f"SELECT 1; {layout}")
    assert change(catalogue, changes)


@pytest.mark.parametrize(
    "changes", ["ALTER TABLE watchlists ALTER name TYPE varchar", "CREATE TABLE other (id bigint)"]
)
def test_the_guard_does_not_tell_of_what_the_statements_do_not_read(catalogue: Catalogue, changes: str) -> None:
    assert not change(catalogue, changes)


@pytest.mark.parametrize(("layout", "table"), [("", "users"), (VIEW, "people")])
def test_a_look_up_takes_the_index_in_the_order_of_bytes_as_soon_as_it_is_there(
    catalogue: Catalogue, layout: str, table: str
) -> None:
    catalogue.execute(f"SELECT 1; {layout}")
    catalogue.execute(f"CREATE INDEX earlier ON {table} (lower(email))")
    assert "using earlier" in catalogue.explain(BY_EMAIL)
    catalogue.execute(BYTES.format(table))
    assert "using by_mail" in catalogue.explain(BY_EMAIL)
    catalogue.execute("DROP INDEX by_mail")
    assert "using earlier" in catalogue.explain(BY_EMAIL)


@pytest.mark.parametrize("id_type", ["bigint", "integer", "smallint"])
@pytest.mark.parametrize("email_type", ["text", "varchar(255)", "character(60)"])
def test_indexes_serve_columns_of_the_usual_types(catalogue: Catalogue, id_type: str, email_type: str) -> None:
    catalogue.execute(f"ALTER TABLE users ALTER id TYPE {id_type}, ALTER email TYPE {email_type}")
    catalogue.execute(BYTES.format("users"))
    assert "using users_pkey" in catalogue.explain(BY_ID)
    assert "using by_mail" in catalogue.explain(BY_EMAIL)


def test_other_columns_of_a_converted_relation_keep_their_indexes(catalogue: Catalogue) -> None:
    """PostgreSQL writes the stand-in of the relation into the statement."""
    catalogue.execute("ALTER TABLE users ALTER email TYPE character(60)")
    assert "CAST(email AS text)" in catalogue.open().fit(BY_ID).sql
    assert "using users_pkey" in catalogue.explain(BY_ID)


def test_a_lock_on_a_relation_keeps_only_those_waiting_who_read_it(pair: Pair, catalogue: Catalogue) -> None:
    catalogue.execute("SET lock_timeout = '100ms'")
    with contextlib.closing(pair.primary.connect()) as other:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {SCHEMA}.ticket_hashtags, {SCHEMA}.tickets IN ACCESS EXCLUSIVE MODE")
        contract = catalogue.open()
        assert contract.fetch(BY_EMAIL) == []
        catalogue.fetch(contract.guard)
        other.rollback()


def test_a_relation_that_has_just_got_its_name_is_read_by_that_name(pair: Pair, catalogue: Catalogue) -> None:
    catalogue.execute("CREATE TABLE others (LIKE tickets)")
    catalogue.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
    pair.primary.execute(f"ALTER TABLE {SCHEMA}.tickets RENAME TO earlier")
    pair.primary.execute(f"ALTER TABLE {SCHEMA}.others RENAME TO tickets")  # to_regclass knows, the snapshot does not
    assert read_relations(catalogue).keys() == RELATIONS.keys()
    assert catalogue.open().fetch(BY_ID) == []
    catalogue.execute("COMMIT")
