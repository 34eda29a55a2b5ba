"""The oracle against cases worked by hand from the contract, and against everything Hypothesis can draw."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle import sample_values
from tests.oracle.evaluator import Answer, evaluate
from tests.oracle.example import ANN, BOB, CLEO, MINE, ROOT, a_ticket, make_world, set_mine
from tests.oracle.scenario import describe_scenario
from tests.oracle.values import World
from tests.oracle.worlds import cases, worlds

Conditions = list[tuple[str, str, Any]]


def ids_of(answer: Answer) -> list[int]:
    assert answer.status == 200, answer
    return [row["ticket_id"] for row in answer.rows]


CONDITIONS: dict[str, tuple[Conditions, set[int]]] = {
    "no condition lists what is in scope": ([], {1, 2, 3, 4, 9}),
    "subject is compares without case": ([("subject", "is", "CARBON plate")], {2}),
    "subject is not is the complement": ([("subject", "is not", "carbon plate")], {1, 3, 4, 9}),
    "subject contains folds É": ([("subject", "contains", "éT")], {3}),
    "subject does not contain": ([("subject", "does not contain", "carbon")], {3, 4, 9}),
    "a percent sign is plain": ([("subject", "contains", "%")], {1}),
    "an underscore is plain": ([("subject", "contains", "_")], {4}),
    "a backslash is plain": ([("subject", "contains", "\\C")], {4}),
    "me in a subject is text": ([("subject", "contains", "me")], {9}),
    "content looks into responses": ([("content", "contains", "sole")], {1, 4}),
    "content has internal notes for staff": ([("content", "contains", "LAWYER")], {1}),
    "a deleted response does not count": ([("content", "contains", "ghost")], set()),
    "no response at all does not contain": ([("content", "does not contain", "sole")], {2, 3, 9}),
    "status is": ([("status", "is", "on-hold")], {3}),
    "status is not": ([("status", "is not", ["open", "closed"])], {3}),
    "priority as a number": ([("priority", "is", 30)], {2}),
    "priority as a string": ([("priority", "is", "40")], {4}),
    "a priority label in any case": ([("priority", "is", "uRGENT")], {4}),
    "priority is not": ([("priority", "is not", ["Normal", 10])], {2, 4}),
    "queue by name": ([("queue", "is", "Returns")], {2}),
    "queue by id": ([("queue", "is", 2)], {2}),
    "a queue name is exact": ([("queue", "is", "returns")], set()),
    "a queue that is nowhere, negated": ([("queue", "is not", "Nowhere")], {1, 2, 3, 4, 9}),
    "a queue id as a string is a name": ([("queue", "is", "2")], set()),
    "a queue id beyond 64 bits": ([("queue", "is", 2**64)], set()),
    "a condition does not widen the scope": ([("queue", "is", "Hidden")], set()),
    "assignee by e-mail has the teams too": ([("assignee", "is", "Ann@X.IO")], {1, 2}),
    "assignee me is the same": ([("assignee", "is", "me")], {1, 2}),
    "ME is an e-mail of nobody": ([("assignee", "is", "ME")], set()),
    "team has its own tickets": ([("assignee", "is", "team:7")], {9}),
    "a team id without its zeros": ([("assignee", "is", "team:007")], {9}),
    "a team without tickets": ([("assignee", "is", "team:1")], set()),
    "team and members": ([("assignee", "is", "team-and-members:7")], {4, 9}),
    "unassigned is NULL": ([("assignee", "is", "Unassigned")], {3}),
    "unassigned, negated": ([("assignee", "is not", "Unassigned")], {1, 2, 4, 9}),
    "NULL satisfies assignee is not": ([("assignee", "is not", ["me", "team:7"])], {3, 4}),
    "originator by e-mail": ([("originator", "is", "BOB@X.IO")], {2}),
    "originator folds É": ([("originator", "is", "édith@x.io")], {3}),
    "originator me": ([("originator", "is", "me")], {4}),
    "originator contains": ([("originator", "contains", "@X.")], {2, 3, 4}),
    "originator contains me, as text": ([("originator", "contains", "me")], set()),
    "originator does not contain": ([("originator", "does not contain", "@x.")], {1, 9}),
    "participant by e-mail": ([("participant", "is", "bob@x.io")], {1}),
    "participant me": ([("participant", "is", "me")], {4}),
    "participant is not": ([("participant", "is not", "bob@x.io")], {2, 3, 4, 9}),
    "hashtag without a hash": ([("hashtag", "is", "Vip")], {1, 4}),
    "hashtag with a hash": ([("hashtag", "is", "#été")], {3}),
    "only one hash comes off": ([("hashtag", "is", "##vip")], set()),
    "hashtag is not": ([("hashtag", "is not", "vip")], {2, 3, 9}),
    "watchlist by id": ([("watchlist", "is", 1)], {1}),
    "watchlist by name, own and shared": ([("watchlist", "is", "Hot")], {1, 4}),
    "a watchlist name is exact": ([("watchlist", "is", "hot")], set()),
    "a string is a watchlist's name": ([("watchlist", "is", "1")], {9}),
    "somebody's private watchlist": ([("watchlist", "is", ["Private", 3])], set()),
    "a private watchlist, negated": ([("watchlist", "is not", 3)], {1, 2, 3, 4, 9}),
    "resolution is": ([("resolution", "is", "refunded")], {2}),
    "NULL satisfies resolution is not": ([("resolution", "is not", "refunded")], {1, 3, 4, 9}),
    "retained": ([("retained", "is", True)], {1}),
    "retained is not true is false": ([("retained", "is not", True)], {2, 3, 4, 9}),
    "participating": ([("participating", "is", True)], {4}),
    "unread is never read, or read before": ([("unread", "is", True)], {1, 3, 4, 9}),
    "unread is false": ([("unread", "is", False)], {2}),
    "recently read": ([("recently_read", "is", True)], {1, 2}),
    "inbox": ([("inbox", "is", True)], {2}),
    "for attention": ([("for_attention", "is", True)], {1, 3, 4}),
    "for attention, negated": ([("for_attention", "is not", True)], {2, 9}),
    "both flag values are everything": ([("unread", "is", [True, False])], {1, 2, 3, 4, 9}),
    "an array is any of": ([("subject", "contains", ["été", "plate"])], {2, 3}),
    "a negated array is none of": ([("subject", "is not", ["ÉTÉ", "team ME"])], {1, 2, 4}),
    "positives on one field are alternatives": (
        [("subject", "is", "été"), ("subject", "contains", "carbon")],
        {1, 2, 3},
    ),
    "negatives on one field each hold": (
        [("subject", "does not contain", "%"), ("subject", "does not contain", "plate")],
        {3, 4, 9},
    ),
    "a negative beside a positive": (
        [("subject", "contains", "carbon"), ("subject", "is not", "carbon plate")],
        {1},
    ),
    "different fields must all hold": ([("subject", "contains", "carbon"), ("status", "is", "open")], {1}),
}


@pytest.mark.parametrize(("conditions", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_lists_what_the_contract_says(conditions: Conditions, expected: set[int]) -> None:
    world = set_mine(make_world(), conditions)
    assert set(ids_of(evaluate(world, ANN, {"perspective_id": MINE}))) == expected


IMPERSONATED: dict[str, tuple[Conditions, set[int]]] = {
    "the queues stay the acting user's": ([], {1, 2, 3, 4, 9}),
    "me is the impersonated": ([("assignee", "is", "me")], {4, 9}),
    "participating is the impersonated": ([("participating", "is", True)], {1}),
    "their private watchlist counts": ([("watchlist", "is", "Private")], {3}),
    "the acting user's does not": ([("watchlist", "is", 1)], set()),
    "their states count": ([("retained", "is", True)], {4}),
    "read before the first response": ([("unread", "is", False)], {4}),
    "their inboxes count": ([("inbox", "is", True)], set()),
    "their attention": ([("for_attention", "is", True)], {1, 4, 9}),
}


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


ORDERS: dict[str, tuple[list[tuple[str, bool]], list[int]]] = {
    "no order is updated_at descending": ([], [9, 4, 3, 2, 1]),
    "number": ([("number", True)], [9, 4, 3, 2, 1]),
    "subject by bytes of the lower case": ([("subject", True)], [4, 1, 2, 9, 3]),
    "status in its own order": ([("status", True), ("number", False)], [1, 4, 9, 3, 2]),
    "priority descending, then id descending": ([("priority", False)], [4, 2, 9, 1, 3]),
    "queue by name": ([("queue", True)], [2, 9, 4, 3, 1]),
    "assignee as stored, NULL last": ([("assignee", True)], [1, 4, 9, 2, 3]),
    "assignee descending, NULL last": ([("assignee", False)], [2, 9, 4, 1, 3]),
    "originator": ([("originator", True)], [4, 2, 9, 1, 3]),
    "created_at all the same": ([("created_at", True)], [9, 4, 3, 2, 1]),
    "updated_at ascending": ([("updated_at", True)], [1, 2, 3, 4, 9]),
    "on_hold_until descending, NULL last": ([("on_hold_until", False)], [3, 9, 4, 2, 1]),
    "last_response_at": ([("last_response_at", True)], [2, 1, 9, 4, 3]),
    "response_count": ([("response_count", False)], [1, 9, 4, 3, 2]),
    "last_read_at of the subject user": ([("last_read_at", True)], [1, 2, 9, 4, 3]),
    "latest read first, NULL last": ([("last_read_at", False)], [2, 1, 9, 4, 3]),
    "never read, by the next key": ([("last_read_at", True), ("number", False)], [1, 2, 3, 4, 9]),
    "the first position counts most": ([("status", False), ("subject", False)], [2, 3, 9, 1, 4]),
}


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


COLUMNS: dict[str, tuple[str, int, Any]] = {
    "queue_id": ("queue_id", 2, 2),
    "on_hold_until is a day": ("on_hold_until", 3, "2026-06-01"),
    "on_hold_until may be null": ("on_hold_until", 1, None),
    "resolution": ("resolution", 2, "Refunded"),
    "last_responder_email": ("last_responder_email", 9, "bob@x.io"),
    "last_response_at is a time": ("last_response_at", 1, "2026-05-03 09:00:00"),
    "response_count": ("response_count", 1, 2),
    "assignee_name by e-mail without case": ("assignee_name", 1, "Ann"),
    "a team has no assignee_name": ("assignee_name", 2, None),
    "nobody has no assignee_name": ("assignee_name", 3, None),
    "originator_name": ("originator_name", 3, "Édith"),
    "participants are sorted by lower case": ("participants", 1, ["BOB@X.io", "zoe@y.io"]),
    "no participants is an empty list": ("participants", 2, []),
    "hashtags are sorted by lower case": ("hashtags", 1, ["Fragile", "vip"]),
    "two watchlists of one name come twice": ("watchlists", 1, ["Hot", "Hot"]),
    "somebody's private watchlist is not shown": ("watchlists", 3, []),
    "retained": ("retained", 1, True),
    "retained without a state": ("retained", 4, False),
    "unread": ("unread", 1, True),
    "read": ("unread", 2, False),
    "last_read_at": ("last_read_at", 2, "2026-05-04 09:00:00"),
    "never read": ("last_read_at", 9, None),
}


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


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_every_world_keeps_the_keys_of_its_tables(world: World) -> None:
    for table, keys in UNIQUE.items():
        for key in keys:
            rows = [row | {"lower email": str(row.get("email")).lower()} for row in world[table]]
            values = [tuple(row[column] for column in key) for row in rows]
            assert len(set(values)) == len(values), (table, key)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_every_case_has_an_answer_and_a_story(case: Any) -> None:
    world, user_id, body = case
    answer = evaluate(world, user_id, body)
    assert answer.status in (200, 404, 422, 501)
    assert (answer.status == 422) == bool(answer.error_fields)
    assert (answer.status == 200) == (answer.code is None)
    assert describe_scenario(world, user_id, body)
