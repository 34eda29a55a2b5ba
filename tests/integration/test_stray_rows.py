"""Rows that should not be there: such a row counts as nothing, or its perspective is 501; all else is untouched.

The contract's tables, without their constraints: views over other people's tables have none.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from demo.pair import Pair
from tests.oracle.drawn_perspectives import COLUMNS
from tests.oracle.example import ANN, BOB, MINE, a_perspective, make_world, set_mine
from tests.oracle.values import World
from tests.support.difference import SCHEMA, Comparison, open_comparison
from tickiti_query.reporting.contract import RELATIONS

CONSTRAINTS = """
SELECT concat('ALTER TABLE ', conrelid::regclass, ' DROP CONSTRAINT ', quote_ident(conname))
FROM pg_constraint WHERE connamespace = CAST(%s AS regnamespace) AND contype IN ('p', 'u')
"""
NOWHERE = "nobody@nowhere.example"


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        with opened.primary, opened.primary.cursor() as cursor:
            cursor.execute(CONSTRAINTS, (SCHEMA,))
            for (drop,) in cursor.fetchall():
                cursor.execute(drop)
            for relation, columns in RELATIONS.items():
                free = ", ".join(f"ALTER {column} DROP NOT NULL" for column in columns)
                cursor.execute(f"ALTER TABLE {SCHEMA}.{relation} {free}")
            cursor.execute(f"ALTER TABLE {SCHEMA}.perspective_conditions ALTER value TYPE json")
        yield opened


# Perspectives of the battery: conditions that meet every relation of the contract.
BATTERY: tuple[tuple[str, str, Any], ...] = (
    ("assignee", "is", "me"),
    ("assignee", "is not", "me"),
    ("assignee", "is", "team-and-members:7"),
    ("assignee", "is", ["bob@x.io", "Unassigned"]),
    ("originator", "is", "me"),
    ("originator", "is not", "me"),
    ("participant", "is", "me"),
    ("participant", "is not", "me"),
    ("participating", "is", True),
    ("hashtag", "is not", "vip"),
    ("watchlist", "is", "Hot"),
    ("watchlist", "is not", 1),
    ("content", "does not contain", "sole"),
    ("queue", "is", "Sales"),
    ("inbox", "is", True),
    ("inbox", "is", False),
    ("retained", "is", True),
    ("unread", "is", True),
    ("for_attention", "is", True),
    ("for_attention", "is", False),
)


def make_battery() -> World:
    """A world with a perspective of Ann's for each condition, and one of Bob's for her; all columns are shown."""
    world = set_mine(make_world(), columns=sorted(set(COLUMNS)))
    for place, (field, operator, value) in enumerate(BATTERY):
        for number, as_bob in ((100 + place, None), (200 + place, BOB)):
            world["perspectives"].append(a_perspective(number, f"Battery {number}", impersonate_user_id=as_bob))
            row = {"perspective_id": number, "position": 0, "field": field, "operator": operator, "value": value}
            world["perspective_conditions"].append(row)
    return world


def execute(comparison: Comparison, *statements: str) -> None:
    with comparison.primary, comparison.primary.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path = {SCHEMA}")
        for statement in statements:
            cursor.execute(statement)


def compare_all(comparison: Comparison, world: World, user_id: int = ANN) -> None:
    """Compare each perspective by its id, two by name, and what criteria find."""
    for perspective in world["perspectives"]:
        comparison.compare(world, user_id, {"perspective_id": perspective["id"]})
    for name in ("Mine", "All"):
        comparison.compare(world, user_id, {"search_object": {"search_perspective": name}})
    for mode in ("participant", "raised", "assigned"):
        comparison.compare(world, user_id, {"search_object": {"criteria": [{"mode": mode, "tokens": ["me"]}]}})


COUNT_AS_NOTHING = {
    "a user without an address": "INSERT INTO users (id) VALUES (90)",
    "a user of whom nothing is known": "INSERT INTO users (id, is_staff, is_active) VALUES (NULL, NULL, NULL)",
    "a permission for no queue": (
        "INSERT INTO queue_permissions (user_id, queue_id, can_view, treat_as_inbox) VALUES (1, NULL, TRUE, TRUE)"
    ),
    "a permission that says neither yes nor no": (
        "INSERT INTO queue_permissions (user_id, queue_id, can_view, treat_as_inbox) VALUES (1, 3, NULL, NULL)"
    ),
    "a member of no team": "INSERT INTO team_members (team_id, user_id) VALUES (NULL, 1), (NULL, 2)",
    "a team with nobody in it": "INSERT INTO team_members (team_id, user_id) VALUES (7, NULL)",
    "a member without an address": (
        "INSERT INTO users (id) VALUES (90); INSERT INTO team_members (team_id, user_id) VALUES (7, 90)"
    ),
    "a queue without a name": "INSERT INTO ticket_queues (id, name) VALUES (90, NULL), (NULL, NULL), (NULL, 'Sales')",
    "a participant without an address": "INSERT INTO ticket_participants VALUES (1, NULL), (NULL, 'ann@x.io')",
    "a tag that is none": "INSERT INTO ticket_hashtags VALUES (1, NULL), (NULL, 'vip')",
    "a watchlist without a name": (
        "INSERT INTO watchlists (id, name, owner_id, shared) VALUES (90, NULL, 1, TRUE);"
        " INSERT INTO watchlist_tickets (watchlist_id, ticket_id) VALUES (90, 1)"
    ),
    "a watchlist that is nowhere": (
        "INSERT INTO watchlists (id, name, owner_id, shared) VALUES (NULL, 'Hot', NULL, NULL);"
        " INSERT INTO watchlist_tickets (watchlist_id, ticket_id) VALUES (NULL, 1), (1, NULL)"
    ),
    "a response without a text": (
        "INSERT INTO responses (id, ticket_id, plain_text, is_internal)"
        " VALUES (90, 1, NULL, NULL), (91, NULL, 'sole', FALSE)"
    ),
    "a state of nobody": (
        "INSERT INTO ticket_user_states (ticket_id, user_id, is_retained) VALUES (1, NULL, TRUE), (NULL, 1, TRUE)"
    ),
    "a perspective without a name": "INSERT INTO perspectives (id, name, owner_id) VALUES (90, NULL, 1)",
    "a perspective that may be a built-in one": (
        "INSERT INTO perspectives (id, name, is_builtin, owner_id, shared) VALUES (40, 'Mine', NULL, 2, TRUE)"
    ),
    "a definition of no perspective": (
        "INSERT INTO perspective_conditions (perspective_id, position, field) VALUES (NULL, NULL, NULL);"
        " INSERT INTO perspective_orders (perspective_id) VALUES (NULL);"
        " INSERT INTO perspective_columns (perspective_id) VALUES (NULL)"
    ),
    "a token of nobody": "INSERT INTO personal_access_tokens (id, token) VALUES (90, NULL), (NULL, 'x')",
}


@pytest.mark.parametrize("name", COUNT_AS_NOTHING)
def test_a_row_counts_as_nothing(comparison: Comparison, name: str) -> None:
    world = make_battery()
    comparison.load(world)
    execute(comparison, COUNT_AS_NOTHING[name])
    compare_all(comparison, world)


@pytest.mark.parametrize("user_id", [ANN, BOB], ids=["who asks", "who is impersonated"])
def test_a_user_without_an_address_has_the_tickets_of_nobody(comparison: Comparison, user_id: int) -> None:
    world = make_battery()
    world["users"][user_id - 1]["email"] = NOWHERE
    world["team_members"] = [row for row in world["team_members"] if row["user_id"] != user_id]
    comparison.load(world)
    execute(
        comparison,
        f"UPDATE users SET email = NULL WHERE id = {user_id}",
        f"INSERT INTO team_members (team_id, user_id) VALUES (7, {user_id})",
    )
    compare_all(comparison, world)


def test_a_ticket_without_a_text_is_listed_where_the_text_is_not(comparison: Comparison) -> None:
    world = make_world()
    for place, (field, operator, value) in enumerate(
        [
            ("subject", "is not", "x"),
            ("subject", "does not contain", "x"),
            ("originator", "is not", "x@x.io"),
            ("originator", "does not contain", "x"),
            ("originator", "is not", "me"),
            ("resolution", "is not", "x"),
        ]
    ):
        world["perspectives"].append(a_perspective(100 + place, "Not"))
        row = {"perspective_id": 100 + place, "position": 0, "field": field, "operator": operator, "value": value}
        world["perspective_conditions"].append(row)
    comparison.load(world)
    execute(comparison, "UPDATE tickets SET subject = NULL, originator_email = NULL WHERE id = 1")
    for perspective in world["perspectives"][1:]:
        status, found, _ = comparison.ask(ANN, {"perspective_id": perspective["id"]})
        assert status == 200
        assert [row for row in found["data"] if row["ticket_id"] == 1 and row["subject"] is None]


CONDITION = "INSERT INTO perspective_conditions VALUES (50, 0, {})"
UNSUPPORTED = {
    "no value": CONDITION.format("'subject', 'is', NULL"),
    "an operator of another product, without a value": CONDITION.format("'subject', 'is set', NULL"),
    "no operator": CONDITION.format("""'subject', NULL, '"x"'"""),
    "no field": CONDITION.format("""NULL, 'is', '"x"'"""),
    "nothing": CONDITION.format("NULL, NULL, NULL"),
    "nothing beside a condition": (
        CONDITION.format("""'subject', 'is', '"x"'""") + "; " + CONDITION.format("NULL, NULL, NULL")
    ),
    "null": CONDITION.format("'subject', 'is', 'null'"),
    "null among values": CONDITION.format("""'subject', 'is', '["a", null]'"""),
    "a NUL": CONDITION.format(r"""'subject', 'contains', '"a\u0000b"'"""),
    "a NUL among values": CONDITION.format(r"""'subject', 'is not', '["a", "\u0000"]'"""),
    "half a surrogate": CONDITION.format(r"""'subject', 'contains', '"\ud83d"'"""),
    "the other half": CONDITION.format(r"""'assignee', 'is', '["me", "a\ude00"]'"""),
    "half a surrogate in a team": CONDITION.format(r"""'assignee', 'is', '"team:\ud83d"'"""),
    "a priority with a fraction": CONDITION.format("'priority', 'is', '20.0'"),
    "a priority with an exponent": CONDITION.format("'priority', 'is', '2e1'"),
    "a queue with a fraction": CONDITION.format("'queue', 'is', '[1, 1.0]'"),
    "a watchlist with a fraction": CONDITION.format("'watchlist', 'is', '1.0'"),
    "infinity": CONDITION.format("'priority', 'is', '1e400'"),
    "one that is not a number": CONDITION.format("'priority', 'is', '\"NaN\"'"),
    "an order by nothing": "INSERT INTO perspective_orders VALUES (50, 0, NULL, TRUE)",
    "an order without a direction": "INSERT INTO perspective_orders VALUES (50, 0, 'subject', NULL)",
    "a column that is none": "INSERT INTO perspective_columns VALUES (50, 0, NULL)",
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_perspective_is_refused_and_others_are_not(comparison: Comparison, name: str) -> None:
    world = make_world()
    world["perspectives"].append(a_perspective(60, "Other"))
    comparison.load(world)
    execute(comparison, UNSUPPORTED[name])
    for body in ({"perspective_id": MINE}, {"search_object": {"search_perspective": "Mine"}}):
        status, found, _ = comparison.ask(ANN, body)
        assert (status, found["error"]) == (501, "unsupported_perspective"), found
        assert 'perspective 50 "Mine"' in found["message"]
    comparison.compare(world, ANN, {})
    comparison.compare(world, ANN, {"perspective_id": 60})


def test_both_halves_of_a_surrogate_are_a_character(comparison: Comparison) -> None:
    world = set_mine(make_world(), [("subject", "contains", "\U0001f600")])
    world["tickets"][0]["subject"] = "\U0001f600"
    comparison.load(world)
    execute(comparison, r"""UPDATE perspective_conditions SET value = '"\ud83d\ude00"'""")
    comparison.compare(world, ANN, {"perspective_id": MINE})


@pytest.mark.parametrize("column", ["expires_at", "created_at"])
@pytest.mark.parametrize("moment", ["-infinity", "infinity", "0044-03-15 BC", "12026-01-01"])
def test_a_token_of_another_age_is_valid_or_not(comparison: Comparison, column: str, moment: str) -> None:
    world = make_world()
    comparison.load(world)
    execute(comparison, f"UPDATE personal_access_tokens SET {column} = '{moment}' WHERE tokenable_id = {ANN}")
    is_over = column == "expires_at" and moment in ("-infinity", "0044-03-15 BC")
    assert comparison.ask(ANN, {})[0] == (401 if is_over else 200)
    comparison.compare(world, BOB, {})
