"""The fixed world of the hand-worked cases. Ann (1) asks unless a case says otherwise.

Ann and Bob are staff, Cleo is a customer, Root sees all queues. Ann sees Sales and Returns and works Returns
as an inbox, Bob and Cleo see Sales alone. Ann is in team 8, Bob in team 7. Tickets 1, 3, 4 and 9 lie in
Sales, 2 in Returns, 5 in a queue that only Root sees; 6 is deleted, 7 a draft, 8 in no queue that exists.
"""

from datetime import date, datetime, timedelta
from typing import Any

from .values import Row, World

ANN, BOB, CLEO, ROOT = 1, 2, 3, 4
MINE = 50
START = datetime.fromisoformat("2026-05-01 09:00:00")


def a_user(user_id: int, name: str, email: str, **changes: Any) -> Row:
    row = {"id": user_id, "name": name, "email": email, "is_staff": True, "is_active": True}
    return row | {"sees_all_queues": False} | changes


def a_permission(user_id: int, queue_id: int, *, can_view: bool = True, treat_as_inbox: bool = False) -> Row:
    row = {"user_id": user_id, "queue_id": queue_id, "can_view": can_view, "treat_as_inbox": treat_as_inbox}
    return row | {"can_manage": not can_view, "can_delete": not can_view}


def a_ticket(ticket_id: int, subject: str, **changes: Any) -> Row:
    """Updated an hour later for each id; the numbers go the other way."""
    row: Row = {
        "id": ticket_id,
        "number": 220010 - ticket_id,
        "subject": subject,
        "status": "open",
        "priority": 20,
        "queue_id": 1,
        "assigned_to_email": None,
        "originator_email": "cleo@y.io",
        "resolution": None,
        "on_hold_until": None,
        "last_responder_email": None,
        "last_response_at": None,
        "response_count": 0,
        "is_draft": False,
        "created_at": START,
        "updated_at": START + timedelta(hours=ticket_id),
        "deleted_at": None,
    }
    return row | changes


def a_response(ticket_id: int, plain_text: str, **changes: Any) -> Row:
    row = {"id": 0, "ticket_id": ticket_id, "plain_text": plain_text, "is_internal": False}
    return row | {"created_by_email": "bob@x.io", "created_at": START, "deleted_at": None} | changes


def a_state(ticket_id: int, user_id: int, **changes: Any) -> Row:
    row = {"ticket_id": ticket_id, "user_id": user_id, "last_read_at": None}
    return row | {"is_retained": False, "unacknowledged_tags": 0} | changes


def a_perspective(perspective_id: int, name: str, **changes: Any) -> Row:
    row: Row = {"id": perspective_id, "name": name, "description": None, "display_mode": "card"}
    row |= {"is_builtin": False, "owner_id": ANN, "shared": False, "impersonate_user_id": None}
    return row | {"show_in_crm": False} | changes


def make_world() -> World:
    """A new one on each call; Ann's perspective 50 `Mine` has no parts yet."""
    later = START + timedelta(days=2)
    return {
        "users": [
            a_user(ANN, "Ann", "ann@x.io"),
            a_user(BOB, "Bob", "Bob@x.io"),
            a_user(CLEO, "Cleo", "cleo@y.io", is_staff=False),
            a_user(ROOT, "Root", "root@x.io", sees_all_queues=True),
            a_user(5, "Édith", "édith@x.io", is_active=False),
        ],
        "personal_access_tokens": [],
        "ticket_queues": [
            {"id": 1, "name": "Sales", "is_parked": False},
            {"id": 2, "name": "Returns", "is_parked": False},
            {"id": 3, "name": "Hidden", "is_parked": False},
        ],
        "queue_permissions": [
            a_permission(ANN, 1),
            a_permission(ANN, 2, treat_as_inbox=True),
            a_permission(ANN, 3, can_view=False),
            a_permission(BOB, 1),
            a_permission(CLEO, 1),
        ],
        "teams": [{"id": 7, "name": "Red"}, {"id": 8, "name": "Blue"}],
        "team_members": [{"team_id": 7, "user_id": BOB}, {"team_id": 8, "user_id": ANN}],
        "tickets": [
            a_ticket(1, "Carbon 100%", assigned_to_email="ANN@x.io", last_response_at=later, response_count=2),
            a_ticket(2, "carbon PLATE", status="closed", priority=30, queue_id=2, assigned_to_email="team:8")
            | {"originator_email": "bob@x.io", "resolution": "Refunded", "last_response_at": later},
            a_ticket(3, "Été", status="on-hold", priority=10, originator_email="ÉDITH@x.io")
            | {"on_hold_until": date.fromisoformat("2026-06-01")},
            a_ticket(4, "a_b\\c", priority=40, assigned_to_email="bob@x.io", originator_email="ann@x.io"),
            a_ticket(5, "in a hidden queue", queue_id=3, assigned_to_email="ann@x.io"),
            a_ticket(6, "deleted", deleted_at=later),
            a_ticket(7, "draft", is_draft=True),
            a_ticket(8, "lost", queue_id=99),
            a_ticket(9, "Team me", assigned_to_email="team:7", last_responder_email="bob@x.io"),
        ],
        "responses": [
            a_response(1, "The sole came off"),
            a_response(1, "note: lawyer", is_internal=True),
            a_response(2, "ghost", deleted_at=START),
            a_response(4, "SOLE is fine"),
        ],
        "ticket_participants": [
            {"ticket_id": 1, "email": "zoe@y.io"},
            {"ticket_id": 1, "email": "BOB@X.io"},
            {"ticket_id": 4, "email": "ANN@x.io"},
            {"ticket_id": 3, "email": "cleo@y.io"},
        ],
        "ticket_hashtags": [
            {"ticket_id": 1, "tag": "vip"},
            {"ticket_id": 1, "tag": "Fragile"},
            {"ticket_id": 3, "tag": "ÉTÉ"},
            {"ticket_id": 4, "tag": "VIP"},
        ],
        "watchlists": [
            {"id": 1, "name": "Hot", "owner_id": ANN, "shared": False},
            {"id": 2, "name": "Hot", "owner_id": BOB, "shared": True},
            {"id": 3, "name": "Private", "owner_id": BOB, "shared": False},
            {"id": 4, "name": "1", "owner_id": ANN, "shared": False},
        ],
        "watchlist_tickets": [
            {"watchlist_id": 1, "ticket_id": 1, "position": 0},
            {"watchlist_id": 2, "ticket_id": 1, "position": 0},
            {"watchlist_id": 2, "ticket_id": 4, "position": 1},
            {"watchlist_id": 3, "ticket_id": 3, "position": 0},
            {"watchlist_id": 4, "ticket_id": 9, "position": 0},
        ],
        "ticket_user_states": [
            a_state(1, ANN, last_read_at=START + timedelta(days=1), is_retained=True),
            a_state(2, ANN, last_read_at=START + timedelta(days=3)),
            a_state(3, ANN, unacknowledged_tags=1),
            a_state(4, BOB, last_read_at=START, is_retained=True),
        ],
        "perspectives": [a_perspective(MINE, "Mine")],
        "perspective_conditions": [],
        "perspective_orders": [],
        "perspective_columns": [],
    }


def set_mine(
    world: World,
    conditions: list[tuple[str, str, Any]] | None = None,
    orders: list[tuple[str, bool]] | None = None,
    columns: list[str] | None = None,
    impersonate: int | None = None,
) -> World:
    """The world with these parts for perspective 50."""
    world["perspectives"][0]["impersonate_user_id"] = impersonate
    world["perspective_conditions"] = [
        {"perspective_id": MINE, "position": i, "field": field, "operator": operator, "value": value}
        for i, (field, operator, value) in enumerate(conditions or [])
    ]
    world["perspective_orders"] = [
        {"perspective_id": MINE, "position": i, "field": field, "ascending": ascending}
        for i, (field, ascending) in enumerate(orders or [])
    ]
    world["perspective_columns"] = [
        {"perspective_id": MINE, "position": i, "field": field} for i, field in enumerate(columns or [])
    ]
    return world
