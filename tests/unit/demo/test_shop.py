"""The demo's help desk: its size, its sameness, its example ticket, and that all its rows belong together."""

import hashlib
import time
from collections import Counter

import pytest

from demo.loading import World
from demo.shop import make_shop
from demo.shop_seed import DEMO_TOKENS
from tickiti_query.reporting.contract import RELATIONS

EQUALS = {"is", "is not"}
SUBSTRING = {"contains", "does not contain"}
OPERATORS = {
    "subject": EQUALS | SUBSTRING,
    "originator": EQUALS | SUBSTRING,
    "content": SUBSTRING,
    **dict.fromkeys(("status", "priority", "queue", "assignee", "participant"), EQUALS),
    **dict.fromkeys(("hashtag", "watchlist", "resolution"), EQUALS),
    **dict.fromkeys(("retained", "participating", "unread"), EQUALS),
    **dict.fromkeys(("recently_read", "inbox", "for_attention"), EQUALS),
}
ORDERS = {
    "number",
    "subject",
    "status",
    "priority",
    "queue",
    "assignee",
    "originator",
    "created_at",
    "updated_at",
    "on_hold_until",
    "last_response_at",
    "response_count",
    "last_read_at",
}
COLUMNS = {
    "queue_id",
    "on_hold_until",
    "resolution",
    "last_responder_email",
    "last_response_at",
    "response_count",
    "assignee_name",
    "originator_name",
    "participants",
    "hashtags",
    "watchlists",
    "retained",
    "unread",
    "last_read_at",
}
REFERENCES = [
    ("personal_access_tokens", "tokenable_id", "users"),
    ("queue_permissions", "user_id", "users"),
    ("queue_permissions", "queue_id", "ticket_queues"),
    ("team_members", "user_id", "users"),
    ("team_members", "team_id", "teams"),
    ("tickets", "queue_id", "ticket_queues"),
    ("responses", "ticket_id", "tickets"),
    ("ticket_participants", "ticket_id", "tickets"),
    ("ticket_hashtags", "ticket_id", "tickets"),
    ("watchlists", "owner_id", "users"),
    ("watchlist_tickets", "watchlist_id", "watchlists"),
    ("watchlist_tickets", "ticket_id", "tickets"),
    ("ticket_user_states", "ticket_id", "tickets"),
    ("ticket_user_states", "user_id", "users"),
    ("perspectives", "owner_id", "users"),
    ("perspectives", "impersonate_user_id", "users"),
    ("perspective_conditions", "perspective_id", "perspectives"),
    ("perspective_orders", "perspective_id", "perspectives"),
    ("perspective_columns", "perspective_id", "perspectives"),
]


@pytest.fixture(scope="module")
def shop() -> World:
    return make_shop()


def test_the_shop_has_the_promised_size(shop: World) -> None:
    assert set(shop) == set(RELATIONS)
    assert len(shop["ticket_queues"]) == 12
    assert sum(user["is_staff"] for user in shop["users"]) == 40
    assert len(shop["tickets"]) == 5000
    assert Counter(view["is_builtin"] for view in shop["perspectives"]) == {True: 4, False: 13}
    assert all(shop[relation] for relation in RELATIONS)


def test_a_seed_gives_one_world_and_quickly(shop: World) -> None:
    started = time.process_time()
    assert make_shop() == shop
    assert time.process_time() - started < 10
    assert make_shop(seed=7) != shop


def test_the_first_ticket_is_the_documented_one(shop: World) -> None:
    ticket = shop["tickets"][0]
    queues = {row["id"]: row["name"] for row in shop["ticket_queues"]}
    assert {
        "ticket_id": ticket["id"],
        "number": ticket["number"],
        "status": ticket["status"],
        "queue": queues[ticket["queue_id"]],
        "priority": str(ticket["priority"]),
        "subject": ticket["subject"],
        "assigned_to_email": ticket["assigned_to_email"],
        "originator_email": ticket["originator_email"],
        "created_at": str(ticket["created_at"]),
        "updated_at": str(ticket["updated_at"]),
    } == {
        "ticket_id": 1,
        "number": 220009,
        "status": "open",
        "queue": "Returns",
        "priority": "20",
        "subject": "Carbon plate cracked on first marathon",
        "assigned_to_email": "priya.sharma@sole-provider.example",
        "originator_email": "marcus@trailblazers-club.example",
        "created_at": "2026-05-01 09:14:02",
        "updated_at": "2026-05-02 11:30:48",
    }
    assert not ticket["is_draft"]
    assert ticket["deleted_at"] is None


def test_perspective_3_lists_the_oldest_open_return_first(shop: World) -> None:
    assert [row["field"] for row in shop["perspective_orders"] if row["perspective_id"] == 3] == ["created_at"]
    assert not [row for row in shop["perspective_columns"] if row["perspective_id"] == 3]
    first, *others = (ticket["created_at"] for ticket in shop["tickets"])
    assert first < min(others)


@pytest.mark.parametrize(("relation", "column", "target"), REFERENCES)
def test_every_reference_leads_somewhere(shop: World, relation: str, column: str, target: str) -> None:
    known = {row["id"] for row in shop[target]}
    assert {row[column] for row in shop[relation]} - {None} <= known


def test_tickets_sum_up_their_responses(shop: World) -> None:
    kept = Counter(row["ticket_id"] for row in shop["responses"] if row["deleted_at"] is None)
    for ticket in shop["tickets"]:
        assert ticket["response_count"] == kept[ticket["id"]]
        assert ticket["created_at"] <= (ticket["last_response_at"] or ticket["created_at"])
        assert ticket["created_at"] <= ticket["updated_at"]


def test_the_tickets_have_every_trait_a_list_must_handle(shop: World) -> None:
    tickets = shop["tickets"]
    assert {ticket["status"] for ticket in tickets} == {"open", "on-hold", "closed"}
    assert {ticket["priority"] for ticket in tickets} == {10, 20, 30, 40}
    assignees = {ticket["assigned_to_email"] for ticket in tickets}
    assert {None, "team:1"} <= assignees
    assert any(email and email.isupper() for email in assignees)
    for trait in ("is_draft", "deleted_at", "on_hold_until", "resolution"):
        assert any(ticket[trait] for ticket in tickets)
    for text in ("subject", "originator_email"):
        assert any(not ticket[text].isascii() for ticket in tickets)
    assert any(response["is_internal"] for response in shop["responses"])


def test_saved_views_use_only_what_the_language_has(shop: World) -> None:
    for row in shop["perspective_conditions"]:
        assert row["operator"] in OPERATORS[row["field"]]
        assert row["value"] not in ([], "")
    assert {row["field"] for row in shop["perspective_orders"]} <= ORDERS
    assert {row["field"] for row in shop["perspective_columns"]} <= COLUMNS
    assert any(view["impersonate_user_id"] for view in shop["perspectives"])


def test_a_token_is_stored_as_the_hash_of_its_forty_characters(shop: World) -> None:
    users = {user["id"]: user["email"] for user in shop["users"]}
    for token, row in zip(DEMO_TOKENS, shop["personal_access_tokens"], strict=True):
        number, _, secret = token.plain_text.partition("|")
        assert (int(number), len(secret)) == (row["id"], 40)
        assert row["token"] == hashlib.sha256(secret.encode()).hexdigest()
        assert users[row["tokenable_id"]] == token.owner_email
