"""Tables whose columns have other types, as installs of ten years ago have them, also while the service runs."""

from collections.abc import Iterator
from typing import Any

import pytest

from app import create_service
from config.settings import Settings
from demo.loading import READER
from demo.pair import Pair
from tests.oracle.example import ANN, MINE, make_world, set_mine
from tests.support.difference import SCHEMA, Comparison, open_comparison

IT = {"perspective_id": MINE}
CITEXT = "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public"
DOMAIN = "CREATE DOMAIN difference.address AS {0}"


@pytest.fixture
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


def change(comparison: Comparison, *statements: str) -> None:
    with comparison.primary, comparison.primary.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path TO {SCHEMA}, public")
        for statement in statements:
            cursor.execute(statement)


def retype(relation: str, column: str, type_: str, using: str = "{0}") -> str:
    """The statement that changes a column's type; defaults and keys follow."""
    used = using.format(column)
    drop = f"ALTER TABLE {relation} ALTER {column} DROP DEFAULT"
    return f"{drop}; ALTER TABLE {relation} ALTER {column} TYPE {type_} USING CAST({used} AS {type_})"


# what was seen -> the statements that make it so, and the conditions, columns and body that showed it
SEEN: dict[str, tuple[list[str], list[tuple[str, str, Any]], list[str], dict[str, Any]]] = {
    "a list of a domain over text": (
        [DOMAIN.format("text"), retype("ticket_participants", "email", "address")],
        [],
        ["participants"],
        IT,
    ),
    "a list of a domain over varchar": (
        [DOMAIN.format("varchar(80)"), retype("ticket_hashtags", "tag", "address")],
        [],
        ["hashtags"],
        IT,
    ),
    "a scope of a domain over bigint": (
        [DOMAIN.format("bigint"), retype("queue_permissions", "queue_id", "address")],
        [],
        [],
        IT,
    ),
    "a perspective of domains": (
        [DOMAIN.format("varchar"), retype("perspective_columns", "field", "address")],
        [],
        ["queue_id"],
        IT,
    ),
    "an assignee in char(n)": (
        [retype("users", "email", "character(60)")],
        [("assignee", "is", "me")],
        [],
        IT,
    ),
    "no assignee in char(n)": (
        [retype("users", "email", "character(60)")],
        [("assignee", "is not", "me")],
        [],
        IT,
    ),
    "a status in char(n)": ([retype("tickets", "status", "character(10)")], [("status", "is", "on-hold")], [], IT),
    "an id beyond integer": ([retype("perspectives", "id", "integer")], [], [], {"perspective_id": 2**31}),
    "an id beyond smallint": ([retype("perspectives", "id", "smallint")], [], [], {"perspective_id": 2**31}),
    "a name in citext": (
        [CITEXT, retype("perspectives", "name", "citext")],
        [],
        [],
        {"search_object": {"search_perspective": "MINE"}},
    ),
    "a queue in citext": ([CITEXT, retype("ticket_queues", "name", "citext")], [("queue", "is", "SALES")], [], IT),
    "a condition's value in json": (
        [retype("perspective_conditions", "value", "json")],
        [("status", "is", ["open", "closed"])],
        [],
        IT,
    ),
    "a number as numeric": ([retype("tickets", "number", "numeric(12, 2)")], [], ["participants"], IT),
    "times with a zone": (
        [retype("tickets", "updated_at", "timestamptz", "{0} AT TIME ZONE 'UTC'")],
        [],
        [],
        {"search_object": {"criteria": [{"mode": "updated_from", "tokens": ["2026-05-01 12:00:00"]}]}},
    ),
    "flags as numbers": ([retype("tickets", "is_draft", "smallint", "CAST({0} AS integer)")], [], [], IT),
}


@pytest.mark.parametrize("is_asked_before", [False, True], ids=["from the start", "while the service runs"])
@pytest.mark.parametrize("name", SEEN)
def test_what_was_seen_is_answered_as_the_oracle_says(comparison: Comparison, name: str, is_asked_before: bool) -> None:
    """Also at once where a plan was made before the column was changed."""
    statements, conditions, columns, body = SEEN[name]
    world = set_mine(make_world(), conditions, columns=columns)
    comparison.load(world)
    if is_asked_before:
        comparison.compare(world, ANN, body)
    change(comparison, *statements)
    comparison.compare(world, ANN, body)


def test_a_column_that_changes_back_is_answered_as_well(comparison: Comparison) -> None:
    world = set_mine(make_world(), [("status", "is not", "open")])
    comparison.load(world)
    for type_ in ("character(20)", "varchar(20)", "name", "text"):
        change(comparison, retype("tickets", "status", type_))
        comparison.compare(world, ANN, IT)


def test_where_a_type_cannot_be_converted_there_is_no_answer(comparison: Comparison) -> None:
    world = make_world()
    comparison.load(world)
    comparison.compare(world, ANN, IT)
    change(comparison, retype("tickets", "priority", "text"))
    status, found, _ = comparison.ask(ANN, IT)
    assert (status, found["error"]) == (503, "replica_unavailable")
    change(comparison, retype("tickets", "priority", "smallint"))
    comparison.compare(world, ANN, IT)


def test_readiness_names_each_column_that_cannot_be_converted(pair: Pair, comparison: Comparison) -> None:
    change(comparison, retype("tickets", "priority", "text"), retype("users", "is_staff", "text"))
    settings = Settings(replica_url=pair.standby.url_for(READER), replica_schema=SCHEMA)
    answer = create_service(settings).admin_app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["contract"] == (
        "users.is_staff is text; the contract says boolean; tickets.priority is text; the contract says a whole number."
    )
