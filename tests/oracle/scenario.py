"""Tells a case so that a person can follow it: who asks, for what, of which tickets, with which answer."""

import json
from collections.abc import Iterator
from typing import Any

from .evaluator import Answer, evaluate, find_user
from .listing import CORE_COLUMNS, parts_of
from .selection import find_all, visible_perspectives
from .values import Row, World

NOT_TOLD = {"id", "subject", "queue_id", "status", "deleted_at", "is_draft"}
PLAIN = (None, 0, False)


def write(value: Any) -> str:
    """As JSON, with times as text and without a detour through escapes; lone surrogates stay escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()


def tell_user(world: World, user: Row) -> str:
    kind = "staff" if user["is_staff"] else "not staff"
    teams = [row["team_id"] for row in world["team_members"] if row["user_id"] == user["id"]]
    permissions = [row for row in world["queue_permissions"] if row["user_id"] == user["id"]]
    viewed = [row["queue_id"] for row in permissions if row["can_view"]]
    inboxes = [row["queue_id"] for row in permissions if row["treat_as_inbox"]]
    sight = "all queues" if user["sees_all_queues"] else f"queues {viewed}"
    return (
        f"user {user['id']} {user['name']!r} <{user['email']}>, {kind}, sees {sight}"
        f"{f', has inboxes {inboxes}' if inboxes else ''}{f', is in teams {teams}' if teams else ''}"
    )


def tell_perspective(world: World, perspective: Row) -> Iterator[str]:
    if perspective["id"] is None:
        yield "The perspective is All, which is no row here."
        return
    owner = "built-in" if perspective["is_builtin"] else f"of user {perspective['owner_id']}"
    shared = ", shared" if perspective["shared"] else ""
    yield f"The perspective is {perspective['id']} {perspective['name']!r} ({owner}{shared})."
    if perspective["impersonate_user_id"] is not None:
        subject = find_user(world, perspective["impersonate_user_id"])
        who = "a user who does not exist" if subject is None else tell_user(world, subject)
        yield f"  It impersonates {who}."
    for row in parts_of(world, "perspective_conditions", perspective):
        yield f"  where {row['field']} {row['operator']} {write(row['value'])}"
    for row in parts_of(world, "perspective_orders", perspective):
        yield f"  ordered by {row['field']} {'ascending' if row['ascending'] else 'descending'}"
    columns = [row["field"] for row in parts_of(world, "perspective_columns", perspective)]
    if columns:
        yield f"  with the columns {', '.join(map(repr, columns))}"


def tell_others(world: World, acting: Row, answer: Answer) -> Iterator[str]:
    """The perspectives that could have been meant, where the answer does not say which was."""
    if answer.status == 404:
        visible = visible_perspectives(world, acting)
        for row in world["perspectives"]:
            sight = "is theirs to use" if row in visible else "is hidden from them"
            yield f"  Perspective {row['id']} {row['name']!r} {sight}."


def tell_ticket(world: World, ticket: Row, names: dict[int, str]) -> Iterator[str]:
    queue = names.get(ticket["queue_id"], "which is not there")
    fates = ["deleted"] * (ticket["deleted_at"] is not None) + ["draft"] * ticket["is_draft"]
    kind = ", ".join([ticket["status"], *fates, f"in queue {ticket['queue_id']} {queue}"])
    yield f"Ticket {ticket['id']} ({kind}): {write(ticket['subject'])}"
    told = {name: value for name, value in ticket.items() if name not in NOT_TOLD and value not in PLAIN}
    yield "  " + ", ".join(f"{name} {write(value)}" for name, value in told.items())
    for table in ("responses", "ticket_participants", "ticket_hashtags", "ticket_user_states"):
        for row in world[table]:
            if row["ticket_id"] == ticket["id"]:
                rest = {name: value for name, value in row.items() if name not in ("ticket_id", "created_at")}
                yield f"  {table}: {write(rest)}"
    for row in world["watchlist_tickets"]:
        if row["ticket_id"] == ticket["id"]:
            held = [item for item in world["watchlists"] if item["id"] == row["watchlist_id"]]
            yield f"  on watchlist {write(held[0]) if held else row['watchlist_id']}"


def tell_teams(world: World) -> Iterator[str]:
    """Only those that a ticket is assigned to."""
    for team in world["teams"]:
        if any(ticket["assigned_to_email"] == f"team:{team['id']}" for ticket in world["tickets"]):
            members = [row["user_id"] for row in world["team_members"] if row["team_id"] == team["id"]]
            yield f"Team {team['id']} has the members {members}."


def tell_answer(answer: Answer) -> Iterator[str]:
    if answer.status != 200:
        fields = f", because of {sorted(answer.error_fields)}" if answer.error_fields else ""
        yield f"The oracle answers {answer.status} {answer.code}{fields}."
        return
    ids = [row["ticket_id"] for row in answer.rows]
    yield f"The oracle lists the tickets {ids}{', and there are more' if answer.truncated else ''}."
    for row in answer.rows:
        own = {name: value for name, value in row.items() if name not in CORE_COLUMNS}
        if own:
            yield f"  {row['ticket_id']}: {write(own)}"


def describe_scenario(world: World, user_id: int, body: Any) -> str:
    """The scenario of one case, ending with what the oracle answers. It looks only at what could matter."""
    acting = find_user(world, user_id)
    if acting is None:
        raise LookupError(f"no user {user_id}")
    answer = evaluate(world, user_id, body)
    lines = [f"Asking is {tell_user(world, acting)}.", f"The body is {write(body)}."]
    lines += tell_others(world, acting, answer)
    if answer.status in (200, 501):
        perspectives = [row for row in world["perspectives"] if row["id"] == answer.perspective_id]
        for perspective in perspectives or [find_all(world)]:
            lines += tell_perspective(world, perspective)
    if answer.status == 200:
        names = {queue["id"]: repr(queue["name"]) for queue in world["ticket_queues"]}
        lines += tell_teams(world)
        for ticket in world["tickets"]:
            lines += tell_ticket(world, ticket, names)
    lines += tell_answer(answer)
    return "\n".join(lines)
