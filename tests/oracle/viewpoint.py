"""The users who look at the tickets, and what is true of one ticket for them."""

from dataclasses import dataclass

from .values import Lower, Row, World


@dataclass(frozen=True)
class Viewpoint:
    """The acting user decides what may be seen; the subject user is the one called `me`."""

    world: World
    acting: Row
    subject: Row
    lower: Lower

    def is_same(self, stored: str | None, text: str) -> bool:
        return stored is not None and self.lower(stored) == self.lower(text)

    def is_part(self, part: str, stored: str) -> bool:
        return self.lower(part) in self.lower(stored)


def rows_of(view: Viewpoint, table: str, ticket: Row) -> list[Row]:
    """The rows of a table that belong to the ticket."""
    return [row for row in view.world[table] if row["ticket_id"] == ticket["id"]]


def find_queue(view: Viewpoint, ticket: Row) -> Row | None:
    for queue in view.world["ticket_queues"]:
        if queue["id"] == ticket["queue_id"]:
            return queue
    return None


def is_in_scope(view: Viewpoint, ticket: Row) -> bool:
    """Not deleted, no draft, and in an existing queue that the acting user may view."""
    if ticket["deleted_at"] is not None or ticket["is_draft"] or find_queue(view, ticket) is None:
        return False
    return bool(view.acting["sees_all_queues"]) or any(
        permission["can_view"]
        for permission in view.world["queue_permissions"]
        if permission["user_id"] == view.acting["id"] and permission["queue_id"] == ticket["queue_id"]
    )


def visible_contents(view: Viewpoint, ticket: Row) -> list[str]:
    """Responses not deleted; internal notes only where the acting user is staff."""
    return [
        row["plain_text"]
        for row in rows_of(view, "responses", ticket)
        if row["deleted_at"] is None and (view.acting["is_staff"] or not row["is_internal"])
    ]


def visible_watchlists(view: Viewpoint, ticket: Row) -> list[Row]:
    """The ticket's watchlists that the subject user owns or that are shared."""
    holding = [row["watchlist_id"] for row in rows_of(view, "watchlist_tickets", ticket)]
    return [
        watchlist
        for watchlist in view.world["watchlists"]
        if watchlist["id"] in holding and (watchlist["owner_id"] == view.subject["id"] or watchlist["shared"])
    ]


def has_participant(view: Viewpoint, ticket: Row, email: str) -> bool:
    return any(view.is_same(row["email"], email) for row in rows_of(view, "ticket_participants", ticket))


def teams_of(view: Viewpoint, email: str) -> list[int]:
    """The ids of the teams of whoever has this e-mail."""
    people = [user["id"] for user in view.world["users"] if view.is_same(user["email"], email)]
    return [row["team_id"] for row in view.world["team_members"] if row["user_id"] in people]


def members_of(view: Viewpoint, team_id: str) -> list[str]:
    """The e-mails of the members of a team."""
    members = [row["user_id"] for row in view.world["team_members"] if str(row["team_id"]) == team_id]
    return [user["email"] for user in view.world["users"] if user["id"] in members]


def is_own_ticket(view: Viewpoint, ticket: Row, email: str) -> bool:
    """Assigned to the person, not to a team."""
    return view.is_same(ticket["assigned_to_email"], email)


def is_team_ticket(ticket: Row, team_id: str) -> bool:
    """Assigned to the team as such, whether or not there is a team of that id."""
    return bool(ticket["assigned_to_email"] == f"team:{team_id}")


def is_assigned_to(view: Viewpoint, ticket: Row, email: str) -> bool:
    """Assigned to the person or to a team of theirs."""
    return is_own_ticket(view, ticket, email) or any(
        is_team_ticket(ticket, str(team_id)) for team_id in teams_of(view, email)
    )


def find_state(view: Viewpoint, ticket: Row) -> Row | None:
    """Return the state of the ticket for the subject user."""
    for state in rows_of(view, "ticket_user_states", ticket):
        if state["user_id"] == view.subject["id"]:
            return state
    return None


def is_retained(view: Viewpoint, ticket: Row) -> bool:
    state = find_state(view, ticket)
    return state is not None and bool(state["is_retained"])


def is_participating(view: Viewpoint, ticket: Row) -> bool:
    return has_participant(view, ticket, view.subject["email"])


def is_recently_read(view: Viewpoint, ticket: Row) -> bool:
    state = find_state(view, ticket)
    return state is not None and state["last_read_at"] is not None


def is_unread(view: Viewpoint, ticket: Row) -> bool:
    state = find_state(view, ticket)
    if state is None or state["last_read_at"] is None:
        return True
    newest = ticket["last_response_at"]
    if newest is None:
        newest = ticket["created_at"]
    return bool(state["last_read_at"] < newest)


def is_in_inbox(view: Viewpoint, ticket: Row) -> bool:
    return any(
        permission["treat_as_inbox"]
        for permission in view.world["queue_permissions"]
        if permission["user_id"] == view.subject["id"] and permission["queue_id"] == ticket["queue_id"]
    )


def has_unacknowledged_tags(view: Viewpoint, ticket: Row) -> bool:
    state = find_state(view, ticket)
    return state is not None and state["unacknowledged_tags"] > 0


def is_for_attention(view: Viewpoint, ticket: Row) -> bool:
    """Not closed, and one of the five causes."""
    return ticket["status"] != "closed" and (
        is_assigned_to(view, ticket, view.subject["email"])
        or is_retained(view, ticket)
        or has_unacknowledged_tags(view, ticket)
        or is_in_inbox(view, ticket)
        or (is_participating(view, ticket) and is_unread(view, ticket))
    )
