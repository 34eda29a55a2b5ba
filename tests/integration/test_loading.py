"""A world goes into the relations and out again unchanged, as the reader sees it on the standby."""

import contextlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from demo.loading import (
    READER,
    World,
    create_reader,
    create_schema,
    load_world,
)
from demo.pair import Pair
from tests.support.servers import clear_world
from tickiti_query.reporting.contract import RELATIONS

SCHEMA = "loading test"
TEXTS = ["", "\\N", "\\.", "a\tb\nc\rd\\e", "Łódź 🏃 'x' \"y\" %_"]
VALUES: list[Any] = [True, 20, 'a\n"b"\\ü', ["x", 1, False], None]
MOMENT = datetime(2026, 5, 1, 9, 14, 2, 5)  # noqa: DTZ001 - the relations have no zone


@pytest.fixture
def connection(pair: Pair) -> Iterator[extensions.connection]:
    with contextlib.closing(pair.primary.connect()) as opened:
        create_schema(opened, SCHEMA)
        create_reader(opened, SCHEMA)
        yield opened
        opened.cursor().execute(f'DROP SCHEMA "{SCHEMA}" CASCADE')


def read_rows(pair: Pair, columns: str, relation: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(pair.standby.connect(user=READER)) as reader, reader.cursor() as cursor:
        cursor.execute(f'SELECT {columns} FROM "{SCHEMA}".{relation} ORDER BY 1')
        return cursor.fetchall()


def test_values_survive_the_journey(pair: Pair, connection: extensions.connection) -> None:
    required = {"status": "open", "priority": 20, "queue_id": 1, "created_at": MOMENT, "updated_at": MOMENT}
    world: World = {
        "tickets": [
            {"id": number, "number": number, "subject": text, "originator_email": text, **required}
            for number, text in enumerate(TEXTS)
        ]
        + [
            {"id": 9, "number": 9, "subject": "", "originator_email": "", **required}
            | {"on_hold_until": date(2026, 6, 1), "is_draft": True, "resolution": None}
        ],
        "perspective_conditions": [
            {"perspective_id": 1, "position": position, "field": "f", "operator": "o", "value": value}
            for position, value in enumerate(VALUES)
        ],
    }
    load_world(connection, world, SCHEMA)
    rows = read_rows(pair, "id, subject, created_at, on_hold_until, is_draft, resolution", "tickets")
    assert [row[1] for row in rows] == [*TEXTS, ""]
    assert rows[0][2:] == (MOMENT, None, False, None)
    assert rows[-1][2:] == (MOMENT, date(2026, 6, 1), True, None)
    assert [row[1] for row in read_rows(pair, "position, value", "perspective_conditions")] == VALUES


def test_clearing_leaves_no_row_anywhere(pair: Pair, connection: extensions.connection) -> None:
    load_world(
        connection,
        {"teams": [{"id": 1, "name": "x"}], "users": [{"id": 1, "name": "x", "email": "x"}]},
        SCHEMA,
    )
    clear_world(connection, SCHEMA)
    assert [read_rows(pair, "count(*)", relation) for relation in RELATIONS] == [[(0,)]] * len(RELATIONS)


def test_a_world_loads_whole_or_not_at_all(pair: Pair, connection: extensions.connection) -> None:
    row = {"id": 1, "name": "x"}
    with pytest.raises(psycopg2.IntegrityError):
        load_world(connection, {"teams": [row], "ticket_queues": [row, row]}, SCHEMA)
    with pytest.raises(ValueError, match="no such relation: tables"):
        load_world(connection, {"tables": [row]}, SCHEMA)
    assert read_rows(pair, "id", "teams") == []


def test_the_reader_cannot_write(pair: Pair, connection: extensions.connection) -> None:
    with (
        contextlib.closing(pair.primary.connect(user=READER)) as reader,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        reader.cursor().execute(f'DELETE FROM "{SCHEMA}".users')
