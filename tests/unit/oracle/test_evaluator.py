"""The oracle against cases worked by hand from the contract, and against everything Hypothesis can draw."""

from typing import Any

import pytest
from hypothesis import given, settings

from tests.oracle import sample_values
from tests.oracle.evaluator import Answer, evaluate
from tests.oracle.example import ANN, BOB, CLEO, MINE, ROOT, a_ticket, make_world, set_mine
from tests.oracle.scenario import describe_scenario
from tests.oracle.values import World
from tests.oracle.worked_views import COLUMNS, CONDITIONS, IMPERSONATED, ORDERS, Conditions
from tests.oracle.worlds import cases, worlds


def ids_of(answer: Answer) -> list[int]:
    assert answer.status == 200, answer
    return [row["ticket_id"] for row in answer.rows]


@pytest.mark.parametrize(("conditions", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_lists_what_the_contract_says(conditions: Conditions, expected: set[int]) -> None:
    world = set_mine(make_world(), conditions)
    assert set(ids_of(evaluate(world, ANN, {"perspective_id": MINE}))) == expected


@pytest.mark.parametrize(("conditions", "expected"), IMPERSONATED.values(), ids=IMPERSONATED)
def test_impersonation_moves_only_what_is_user_centric(conditions: Conditions, expected: set[int]) -> None:
    world = set_mine(make_world(), conditions, impersonate=BOB)
    assert set(ids_of(evaluate(world, ANN, {"perspective_id": MINE}))) == expected


def test_criteria_are_never_impersonated() -> None:
    world = set_mine(make_world(), impersonate=BOB)
    body = {"perspective_id": MINE, "search_object": {"criteria": [{"mode": "assigned", "tokens": ["me"]}]}}
    assert ids_of(evaluate(world, ANN, body)) == [2, 1]


SCOPES = {
    "staff with two queues": (ANN, [9, 4, 3, 2, 1]),
    "staff with one": (BOB, [9, 4, 3, 1]),
    "a customer": (CLEO, [9, 4, 3, 1]),
    "one who sees all queues that exist": (ROOT, [9, 5, 4, 3, 2, 1]),
    "one without a permission": (5, []),
}


@pytest.mark.parametrize(("user_id", "expected"), SCOPES.values(), ids=SCOPES)
def test_the_scope_is_the_acting_user_s(user_id: int, expected: list[int]) -> None:
    assert ids_of(evaluate(make_world(), user_id, {})) == expected


@pytest.mark.parametrize(("orders", "expected"), ORDERS.values(), ids=ORDERS)
def test_an_order_sorts_as_the_contract_says(orders: list[tuple[str, bool]], expected: list[int]) -> None:
    world = set_mine(make_world(), orders=orders)
    assert ids_of(evaluate(world, ANN, {"perspective_id": MINE})) == expected


def test_the_core_columns_come_first_and_in_order() -> None:
    row = evaluate(set_mine(make_world(), [("queue", "is", 2)]), ANN, {"perspective_id": MINE}).rows[0]
    assert list(row.items()) == [
        ("ticket_id", 2),
        ("number", 220008),
        ("status", "closed"),
        ("queue", "Returns"),
        ("priority", "30"),
        ("subject", "carbon PLATE"),
        ("assigned_to_email", "team:8"),
        ("originator_email", "bob@x.io"),
        ("created_at", "2026-05-01 09:00:00"),
        ("updated_at", "2026-05-01 11:00:00"),
    ]


@pytest.mark.parametrize(("column", "ticket_id", "expected"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_shows_what_the_contract_says(column: str, ticket_id: int, expected: Any) -> None:
    answer = evaluate(set_mine(make_world(), columns=[column]), ANN, {"perspective_id": MINE})
    assert [row[column] for row in answer.rows if row["ticket_id"] == ticket_id] == [expected]


def test_own_columns_follow_once_each_and_core_names_are_ignored() -> None:
    columns = ["unread", "subject", "queue_id", "unread"]
    answer = evaluate(set_mine(make_world(), columns=columns), ANN, {"perspective_id": MINE})
    assert list(answer.rows[0])[9:] == ["updated_at", "unread", "queue_id"]


def test_user_centric_columns_are_the_impersonated_user_s() -> None:
    columns = ["watchlists", "retained", "unread", "last_read_at"]
    answer = evaluate(set_mine(make_world(), columns=columns, impersonate=BOB), ANN, {"perspective_id": MINE})
    rows = {row["ticket_id"]: list(row.values())[10:] for row in answer.rows}
    assert rows[3] == [["Private"], False, True, None]
    assert rows[4] == [["Hot"], True, False, "2026-05-01 09:00:00"]


def test_a_row_limit_says_whether_there_was_more() -> None:
    answers = [evaluate(make_world(), ANN, {"row_limit": limit}) for limit in (4, 5)]
    assert [(ids_of(answer), answer.truncated) for answer in answers] == [
        ([9, 4, 3, 2], True),
        ([9, 4, 3, 2, 1], False),
    ]


def test_the_row_limits_are_settings() -> None:
    assert len(evaluate(make_world(), ANN, {}, default_row_limit=2).rows) == 2
    assert evaluate(make_world(), ANN, {"row_limit": 3}, max_row_limit=2).status == 422


def lower_ascii(text: str) -> str:
    """Return the text as lower() gives it in a database without a locale."""
    return "".join(character.lower() if character.isascii() else character for character in text)


def test_the_lower_case_is_the_database_s() -> None:
    world = set_mine(make_world(), [("subject", "contains", "é")])
    world["tickets"].append(a_ticket(10, "ÉTÉ"))
    assert ids_of(evaluate(world, ANN, {"perspective_id": MINE})) == [10, 3]
    assert ids_of(evaluate(world, ANN, {"perspective_id": MINE}, lower=lower_ascii)) == [3]


def test_lower_case_in_the_pools_is_one_to_one() -> None:
    everything = (
        sample_values.FRAGMENTS
        + sample_values.TEXTS
        + sample_values.TAGS
        + sample_values.USER_EMAILS
        + sample_values.OUTSIDE_EMAILS
    )
    for character in set("".join(everything)):
        assert len(character.lower()) == 1
        assert character.lower().upper().lower() == character.lower() or character == "ß"


UNIQUE: dict[str, list[tuple[str, ...]]] = {
    "users": [("id",), ("lower email",)],
    "ticket_queues": [("id",), ("name",)],
    "queue_permissions": [("user_id", "queue_id")],
    "teams": [("id",)],
    "team_members": [("team_id", "user_id")],
    "tickets": [("id",), ("number",)],
    "responses": [("id",)],
    "ticket_participants": [("ticket_id", "email")],
    "ticket_hashtags": [("ticket_id", "tag")],
    "watchlists": [("id",)],
    "watchlist_tickets": [("watchlist_id", "ticket_id")],
    "ticket_user_states": [("ticket_id", "user_id")],
    "perspectives": [("id",)],
    "perspective_conditions": [("perspective_id", "position")],
    "perspective_orders": [("perspective_id", "position")],
    "perspective_columns": [("perspective_id", "position")],
}


@settings(max_examples=100)
@given(worlds())
def test_every_world_keeps_the_keys_of_its_tables(world: World) -> None:
    for table, keys in UNIQUE.items():
        for key in keys:
            rows = [row | {"lower email": str(row.get("email")).lower()} for row in world[table]]
            values = [tuple(row[column] for column in key) for row in rows]
            assert len(set(values)) == len(values), (table, key)


@settings(max_examples=300)
@given(cases())
def test_every_case_has_an_answer_and_a_story(case: Any) -> None:
    world, user_id, body = case
    answer = evaluate(world, user_id, body)
    assert answer.status in (200, 404, 422, 501)
    assert (answer.status == 422) == bool(answer.error_fields)
    assert (answer.status == 200) == (answer.code is None)
    assert describe_scenario(world, user_id, body)
