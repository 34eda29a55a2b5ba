"""The list of a perspective: which tickets, in which order, with which columns."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from .conditions import UnsupportedError, read_conditions
from .values import STATUSES, Row, World
from .viewpoint import (
    Viewpoint,
    find_queue,
    find_state,
    is_in_scope,
    is_retained,
    is_unread,
    rows_of,
    visible_watchlists,
)

Key = Callable[[Viewpoint, Row], Any]
Column = Callable[[Viewpoint, Row], Any]


def read_queue_name(view: Viewpoint, ticket: Row) -> str:
    queue = find_queue(view, ticket)
    if queue is None:
        raise LookupError("a ticket without a queue is never listed")
    return str(queue["name"])


def read_last_read(view: Viewpoint, ticket: Row) -> datetime | None:
    state = find_state(view, ticket)
    return None if state is None else state["last_read_at"]


def in_c_order(view: Viewpoint, text: str | None) -> bytes | None:
    """Return the bytes that lower(x) COLLATE "C" compares."""
    return None if text is None else view.lower(text).encode()


def plain_key(column: str) -> Key:
    return lambda _, ticket: ticket[column]


def text_key(column: str) -> Key:
    return lambda view, ticket: in_c_order(view, ticket[column])


KEYS: dict[str, Key] = {
    "number": plain_key("number"),
    "subject": text_key("subject"),
    "status": lambda _, ticket: STATUSES.index(ticket["status"]),
    "priority": plain_key("priority"),
    "queue": lambda view, ticket: in_c_order(view, read_queue_name(view, ticket)),
    "assignee": text_key("assigned_to_email"),
    "originator": text_key("originator_email"),
    "created_at": plain_key("created_at"),
    "updated_at": plain_key("updated_at"),
    "on_hold_until": plain_key("on_hold_until"),
    "last_response_at": plain_key("last_response_at"),
    "response_count": plain_key("response_count"),
    "last_read_at": read_last_read,
}


def sort_by(view: Viewpoint, tickets: list[Row], key: Key, is_ascending: bool) -> list[Row]:
    """Stable, with NULL last in both directions."""
    known = [ticket for ticket in tickets if key(view, ticket) is not None]
    unknown = [ticket for ticket in tickets if key(view, ticket) is None]
    return sorted(known, key=lambda ticket: key(view, ticket), reverse=not is_ascending) + unknown


def sort_tickets(view: Viewpoint, tickets: list[Row], orders: list[tuple[str, bool]]) -> list[Row]:
    """The last key is sorted by first, so that each earlier one has the later say."""
    tickets = sort_by(view, tickets, plain_key("id"), is_ascending=False)
    for field, is_ascending in reversed(orders or [("updated_at", False)]):
        tickets = sort_by(view, tickets, KEYS[field], is_ascending)
    return tickets


def write_time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(sep=" ", timespec="seconds")


def write_day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def write_names(view: Viewpoint, names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: (in_c_order(view, name), name))


def find_user_name(view: Viewpoint, email: str | None) -> str | None:
    if email is None:
        return None
    users = [user for user in view.world["users"] if view.is_same(user["email"], email)]
    return min(users, key=lambda user: int(user["id"]))["name"] if users else None


CORE_COLUMNS: dict[str, Column] = {
    "ticket_id": lambda _, ticket: ticket["id"],
    "number": lambda _, ticket: ticket["number"],
    "status": lambda _, ticket: ticket["status"],
    "queue": read_queue_name,
    "priority": lambda _, ticket: str(ticket["priority"]),
    "subject": lambda _, ticket: ticket["subject"],
    "assigned_to_email": lambda _, ticket: ticket["assigned_to_email"],
    "originator_email": lambda _, ticket: ticket["originator_email"],
    "created_at": lambda _, ticket: write_time(ticket["created_at"]),
    "updated_at": lambda _, ticket: write_time(ticket["updated_at"]),
}
OWN_COLUMNS: dict[str, Column] = {
    "queue_id": lambda _, ticket: ticket["queue_id"],
    "on_hold_until": lambda _, ticket: write_day(ticket["on_hold_until"]),
    "resolution": lambda _, ticket: ticket["resolution"],
    "last_responder_email": lambda _, ticket: ticket["last_responder_email"],
    "last_response_at": lambda _, ticket: write_time(ticket["last_response_at"]),
    "response_count": lambda _, ticket: ticket["response_count"],
    "assignee_name": lambda view, ticket: find_user_name(view, ticket["assigned_to_email"]),
    "originator_name": lambda view, ticket: find_user_name(view, ticket["originator_email"]),
    "participants": lambda view, ticket: write_names(
        view, [row["email"] for row in rows_of(view, "ticket_participants", ticket)]
    ),
    "hashtags": lambda view, ticket: write_names(
        view, [row["tag"] for row in rows_of(view, "ticket_hashtags", ticket)]
    ),
    "watchlists": lambda view, ticket: write_names(view, [row["name"] for row in visible_watchlists(view, ticket)]),
    "retained": is_retained,
    "unread": is_unread,
    "last_read_at": lambda view, ticket: write_time(read_last_read(view, ticket)),
}


def parts_of(world: World, table: str, perspective: Row) -> list[Row]:
    """The perspective's rows of a table, by position."""
    rows = [row for row in world[table] if row["perspective_id"] == perspective["id"]]
    return sorted(rows, key=lambda row: int(row["position"]))


def read_orders(view: Viewpoint, perspective: Row) -> list[tuple[str, bool]]:
    rows = parts_of(view.world, "perspective_orders", perspective)
    for row in rows:
        if row["field"] not in KEYS:
            raise UnsupportedError(row)
    return [(row["field"], row["ascending"]) for row in rows]


def read_columns(view: Viewpoint, perspective: Row) -> dict[str, Column]:
    """The core columns, then each of the perspective's own at its first place."""
    columns = dict(CORE_COLUMNS)
    for row in parts_of(view.world, "perspective_columns", perspective):
        if row["field"] in CORE_COLUMNS:
            continue
        if row["field"] not in OWN_COLUMNS:
            raise UnsupportedError(row)
        columns.setdefault(row["field"], OWN_COLUMNS[row["field"]])
    return columns


def list_tickets(view: Viewpoint, perspective: Row) -> tuple[list[Row], dict[str, Column]]:
    """All tickets of the perspective in order, and the columns to show of each."""
    do_conditions_hold = read_conditions(view, parts_of(view.world, "perspective_conditions", perspective))
    orders = read_orders(view, perspective)
    columns = read_columns(view, perspective)
    tickets = [ticket for ticket in view.world["tickets"] if is_in_scope(view, ticket) and do_conditions_hold(ticket)]
    return sort_tickets(view, tickets, orders), columns
