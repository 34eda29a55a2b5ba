"""Statements that every request asks are prepared once a connection, and survive a change of the schema."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.shop import PRIYA, Shop, open_shop
from tickiti_query.cache.snapshot import Server
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.database_errors import describe_fault
from tickiti_query.replica.execution import (
    MOST_WITH_VALUES,
    ReplicaConnection,
    Transaction,
    deadline_from_now,
    execute_as_text,
    execute_with_parameters,
    execute_with_values,
)

BODY = {"perspective_id": 3}
Execute = Callable[[Any, Statement, str], None]


def test_a_column_that_changes_its_type_does_not_poison_the_connections(shop_pair: Pair) -> None:
    uncached: Shop = open_shop(shop_pair, cache_ttl_seconds=0)
    expected = uncached.list_rows(PRIYA, BODY)
    try:
        shop_pair.primary.execute("ALTER TABLE reporting.perspectives ALTER COLUMN name TYPE varchar(200)")
        assert uncached.list_rows(PRIYA, BODY) == expected
    finally:
        shop_pair.primary.execute("ALTER TABLE reporting.perspectives ALTER COLUMN name TYPE text")
    assert uncached.list_rows(PRIYA, BODY) == expected


def test_a_column_that_goes_and_comes_back_is_a_503_and_over(shop_pair: Pair) -> None:
    uncached: Shop = open_shop(shop_pair, cache_ttl_seconds=0)
    expected = uncached.list_rows(PRIYA, BODY)
    rename = "ALTER TABLE reporting.personal_access_tokens RENAME COLUMN {} TO {}"
    try:
        shop_pair.primary.execute(rename.format("abilities", "talents"))
        assert uncached.ask(PRIYA, BODY).status_code == 503
    finally:
        shop_pair.primary.execute(rename.format("talents", "abilities"))
    assert uncached.list_rows(PRIYA, BODY) == expected


@pytest.fixture(name="connection")
def open_connection(shop_pair: Pair) -> Iterator[ReplicaConnection]:
    target = Target(shop_pair.standby.url_for(READER), "reporting", statement_timeout_ms=5000)
    with contextlib.closing(connect(target.list_hosts(), deadline_from_now(60))) as connection:
        yield connection


def count_prepared(connection: ReplicaConnection) -> int:
    [(count,)] = connection.run(Statement("SELECT count(*) FROM pg_prepared_statements"))
    return int(count)


def test_only_what_every_request_asks_in_the_same_words_is_prepared(connection: ReplicaConnection) -> None:
    transaction = Transaction(connection, Server(generation=1, system=1, major=18))
    for number in range(3):
        assert transaction.fetch(Statement(f"SELECT {number}")) == [(number,)]
        assert transaction.fetch(Statement("SELECT 1 + :n", (("n", number),), is_repeated=True)) == [(1 + number,)]
    assert count_prepared(connection) == 1


@pytest.mark.parametrize(
    ("execute", "prepared"), [(execute_as_text, 0), (execute_with_parameters, 1), (execute_with_values, 2)]
)
def test_a_statement_gives_the_same_rows_however_it_is_sent(
    connection: ReplicaConnection, execute: Execute, prepared: int
) -> None:
    for _ in range(2):
        for number in (1, 2):
            rows = connection.run(Statement("SELECT 1 + :n, '50 %'", (("n", number),)), execute)
            assert rows == [(1 + number, "50 %")]
    assert count_prepared(connection) == prepared


def test_the_least_recently_used_statement_with_values_makes_room(connection: ReplicaConnection) -> None:
    first, second = (Statement("SELECT :n", (("n", number),)) for number in (-1, -2))
    for statement in (first, second, first):
        connection.run(statement, execute_with_values)
    for number in range(MOST_WITH_VALUES - 1):
        connection.run(Statement("SELECT :n", (("n", number),)), execute_with_values)
    assert count_prepared(connection) == MOST_WITH_VALUES
    assert first in connection.prepared.by_value
    assert second not in connection.prepared.by_value


@pytest.mark.parametrize("execute", [execute_with_parameters, execute_with_values])
def test_a_statement_that_the_server_has_lost_is_prepared_again(
    connection: ReplicaConnection, execute: Execute
) -> None:
    statement = Statement("SELECT :n + 1", (("n", 1),))
    connection.run(statement, execute)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg2.errors.InvalidSqlStatementName):
        connection.run(statement, execute)
    assert connection.run(statement, execute) == [(2,)]


def test_an_error_in_a_later_part_of_a_list_names_the_relations_of_the_list(connection: ReplicaConnection) -> None:
    """Rows are computed as they are fetched, and the fifth of them cannot be."""
    transaction = Transaction(connection, Server(generation=1, system=1, major=18))
    statement = Statement("SELECT 1 / (id - 5) FROM ticket_queues q JOIN (SELECT 1) one ON TRUE")
    assert len(transaction.open(statement, 2)) == 2
    with pytest.raises(psycopg2.errors.DivisionByZero) as raised:
        transaction.fetch_more(100)
    assert describe_fault(raised.value) == {"sqlstate": "22012", "relation": "ticket_queues"}
