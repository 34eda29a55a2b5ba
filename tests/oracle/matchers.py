"""Turns one value into a test over tickets, for each thing a condition or a token can ask."""

from collections.abc import Callable
from typing import Any

from .values import (
    Row,
    TicketTest,
    read_flag,
    read_integer,
    read_priority,
    read_status,
    read_tag,
    read_team_id,
    read_text,
)
from .viewpoint import (
    Viewpoint,
    find_queue,
    has_participant,
    is_assigned_to,
    is_own_ticket,
    is_team_ticket,
    members_of,
    rows_of,
    visible_contents,
    visible_watchlists,
)

Matcher = Callable[[Viewpoint, Any], TicketTest]
Flag = Callable[[Viewpoint, Row], bool]


def match_subject(view: Viewpoint, value: Any) -> TicketTest:
    text = read_text(value)
    return lambda ticket: view.is_same(ticket["subject"], text)


def match_subject_part(view: Viewpoint, value: Any) -> TicketTest:
    part = read_text(value)
    return lambda ticket: view.is_part(part, ticket["subject"])


def match_content_part(view: Viewpoint, value: Any) -> TicketTest:
    part = read_text(value)
    return lambda ticket: any(view.is_part(part, text) for text in visible_contents(view, ticket))


def match_subject_or_content_part(view: Viewpoint, value: Any) -> TicketTest:
    in_subject, in_content = match_subject_part(view, value), match_content_part(view, value)
    return lambda ticket: in_subject(ticket) or in_content(ticket)


def match_resolution(view: Viewpoint, value: Any) -> TicketTest:
    text = read_text(value)
    return lambda ticket: view.is_same(ticket["resolution"], text)


def match_status(_: Viewpoint, value: Any) -> TicketTest:
    status = read_status(value)
    return lambda ticket: bool(ticket["status"] == status)


def match_priority(_: Viewpoint, value: Any) -> TicketTest:
    code = read_priority(value)
    return lambda ticket: bool(ticket["priority"] == code)


def match_queue_name(view: Viewpoint, value: Any) -> TicketTest:
    name = read_text(value)

    def is_in_queue(ticket: Row) -> bool:
        queue = find_queue(view, ticket)
        return queue is not None and bool(queue["name"] == name)

    return is_in_queue


def match_queue(view: Viewpoint, value: Any) -> TicketTest:
    """By id where it is a number, by exact name where it is a string."""
    if isinstance(value, str):
        return match_queue_name(view, value)
    queue_id = read_integer(value)
    return lambda ticket: bool(ticket["queue_id"] == queue_id)


def match_assignee(view: Viewpoint, value: Any) -> TicketTest:
    text = read_text(value)
    if text == "Unassigned":
        return lambda ticket: ticket["assigned_to_email"] is None
    if text == "me":
        return lambda ticket: is_assigned_to(view, ticket, view.subject["email"])
    if text.lower().startswith("team:"):
        team_id = read_team_id(text, "team:")
        return lambda ticket: is_team_ticket(ticket, team_id)
    if text.lower().startswith("team-and-members:"):
        team_id = read_team_id(text, "team-and-members:")
        return lambda ticket: (
            is_team_ticket(ticket, team_id)
            or any(is_own_ticket(view, ticket, email) for email in members_of(view, team_id))
        )
    return lambda ticket: is_assigned_to(view, ticket, text)


def read_person(view: Viewpoint, value: Any) -> str:
    """An e-mail; the word `me` is the subject user's."""
    text = read_text(value)
    return str(view.subject["email"]) if text == "me" else text


def match_originator(view: Viewpoint, value: Any) -> TicketTest:
    email = read_person(view, value)
    return lambda ticket: view.is_same(ticket["originator_email"], email)


def match_originator_part(view: Viewpoint, value: Any) -> TicketTest:
    """Here `me` is text."""
    part = read_text(value)
    return lambda ticket: view.is_part(part, ticket["originator_email"])


def match_participant(view: Viewpoint, value: Any) -> TicketTest:
    email = read_person(view, value)
    return lambda ticket: has_participant(view, ticket, email)


def match_hashtag(view: Viewpoint, value: Any) -> TicketTest:
    tag = read_tag(value)
    return lambda ticket: any(view.is_same(row["tag"], tag) for row in rows_of(view, "ticket_hashtags", ticket))


def match_watchlist(view: Viewpoint, value: Any) -> TicketTest:
    """By id where it is a number, by exact name where it is a string; only those the subject user can see."""
    if isinstance(value, str):
        name = read_text(value)
        return lambda ticket: name in [row["name"] for row in visible_watchlists(view, ticket)]
    watchlist_id = read_integer(value)
    return lambda ticket: watchlist_id in [row["id"] for row in visible_watchlists(view, ticket)]


def match_number(_: Viewpoint, value: Any) -> TicketTest:
    number = read_integer(value)
    return lambda ticket: bool(ticket["number"] == number)


def flag_matcher(flag: Flag) -> Matcher:
    """`is true` asks that the flag holds, `is false` that it does not."""

    def match_flag(view: Viewpoint, value: Any) -> TicketTest:
        wanted = read_flag(value)
        return lambda ticket: flag(view, ticket) is wanted

    return match_flag
