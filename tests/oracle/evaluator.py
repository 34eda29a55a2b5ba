"""Answers one request from rows in memory, as the contract says and as plainly as it can be said."""

from dataclasses import dataclass, field
from typing import Any

from .conditions import UnsupportedError
from .criteria import do_criteria_hold
from .listing import list_tickets
from .request import read_request
from .selection import find_perspective
from .values import Lower, Row, World
from .viewpoint import Viewpoint

__all__ = ["Answer", "World", "evaluate"]


@dataclass(frozen=True)
class Answer:
    """`rows` have the exact keys, in order, of the JSON; `error_fields` are dotted paths into the body.

    The status is 200, 404, 422 or 501, and the code None for 200. `perspective_id` is None where no
    perspective was reached, and for an All that is no row.
    """

    status: int
    code: str | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    truncated: bool = False
    perspective_id: int | None = None
    error_fields: set[str] = field(default_factory=set)


def find_user(world: World, user_id: int | None) -> Row | None:
    return next((user for user in world["users"] if user["id"] == user_id), None)


def find_subject(world: World, acting: Row, perspective: Row) -> Row:
    if perspective["impersonate_user_id"] is None:
        return acting
    subject = find_user(world, perspective["impersonate_user_id"])
    if subject is None:
        raise UnsupportedError(perspective)
    return subject


def evaluate(
    world: World,
    user_id: int,
    body: Any,
    *,
    default_row_limit: int = 100,
    max_row_limit: int = 5000,
    lower: Lower = str.lower,
) -> Answer:
    """The answer to `body`, parsed JSON, from a known active user; `{}` stands for no body at all.

    `lower` is the database's lower().
    """
    acting = find_user(world, user_id)
    if acting is None:
        raise LookupError(f"no user {user_id}")
    request, faults = read_request(Viewpoint(world, acting, acting, lower), body, default_row_limit, max_row_limit)
    if faults:
        return Answer(422, "validation_failed", error_fields=faults)
    perspective = find_perspective(world, acting, request)
    if perspective is None:
        return Answer(404, "not_found")
    try:
        view = Viewpoint(world, acting, find_subject(world, acting, perspective), lower)
        tickets, columns = list_tickets(view, perspective)
    except UnsupportedError:
        return Answer(501, "unsupported_perspective", perspective_id=perspective["id"])
    tickets = [ticket for ticket in tickets if do_criteria_hold(request.criteria, ticket)]
    return Answer(
        200,
        rows=[
            {name: column(view, ticket) for name, column in columns.items()} for ticket in tickets[: request.row_limit]
        ],
        truncated=len(tickets) > request.row_limit,
        perspective_id=perspective["id"],
    )
