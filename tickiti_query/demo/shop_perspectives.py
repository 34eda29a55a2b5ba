"""The saved views of the shop: four built-in ones and thirteen that people made."""

from dataclasses import dataclass
from typing import Any

from tickiti_query.demo.loading import World

Scalar = str | int | bool
Condition = tuple[str, str, Scalar | list[Scalar]]


@dataclass(frozen=True)
class View:
    """A perspective with its rows; an order that starts with a minus runs downwards."""

    id: int
    name: str
    owner_id: int | None = None
    shared: bool = False
    conditions: tuple[Condition, ...] = ()
    orders: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    impersonate_user_id: int | None = None
    description: str | None = None


PRIYA, TOM, AOIFE, KENJI = 1, 2, 3, 8
VIEWS = (
    View(1, "All"),
    View(
        2,
        "For my attention",
        conditions=(("for_attention", "is", True),),
        orders=("-priority", "-updated_at"),
        columns=("unread", "last_response_at"),
    ),
    View(
        3,
        "Open returns, oldest first",
        TOM,
        shared=True,
        conditions=(("status", "is", "open"), ("queue", "is", "Returns")),
        orders=("created_at",),
        description="What has waited longest at the returns desk",
    ),
    View(
        4,
        "Recently read",
        conditions=(("recently_read", "is", True),),
        orders=("-last_read_at",),
        columns=("last_read_at",),
    ),
    View(
        5,
        "Inbox",
        conditions=(("inbox", "is", True), ("status", "is not", "closed")),
        orders=("-created_at",),
    ),
    View(
        6,
        "My urgent tickets",
        PRIYA,
        conditions=(
            ("assignee", "is", "me"),
            ("priority", "is", [30, "Urgent"]),
            ("status", "is not", "closed"),
        ),
        orders=("-priority", "created_at"),
        columns=("response_count", "last_response_at"),
    ),
    View(
        7,
        "Nobody's tickets",
        TOM,
        shared=True,
        conditions=(("assignee", "is", "Unassigned"), ("status", "is", "open")),
        orders=("-priority", "number"),
    ),
    View(
        8,
        "Returns desk and its people",
        TOM,
        shared=True,
        conditions=(("assignee", "is", "team-and-members:1"), ("status", "is not", "closed")),
        orders=("assignee", "-updated_at"),
        columns=("assignee_name", "hashtags"),
    ),
    View(
        9,
        "Carbon plate trouble",
        AOIFE,
        shared=True,
        conditions=(
            ("content", "contains", ["carbon", "rattling"]),
            ("subject", "does not contain", "imported"),
        ),
        columns=("response_count", "resolution"),
    ),
    View(
        10,
        "Waiting for the maker",
        TOM,
        conditions=(("status", "is", "on-hold"),),
        orders=("on_hold_until", "-priority"),
        columns=("on_hold_until", "last_responder_email"),
    ),
    View(
        11,
        "Priya's desk while she is away",
        TOM,
        shared=True,
        conditions=(("for_attention", "is", True), ("queue", "is not", ["Archive", "Suggestions"])),
        orders=("last_read_at", "-priority"),
        columns=("unread", "retained", "last_read_at", "watchlists"),
        impersonate_user_id=PRIYA,
        description="Seen through Priya's eyes: her assignments, her reading state",
    ),
    View(
        12,
        "The Trailblazers",
        PRIYA,
        conditions=(("originator", "contains", "@trailblazers-club.example"),),
        orders=("originator", "-created_at"),
        columns=("originator_name",),
    ),
    View(
        13,
        "Marathon season",
        AOIFE,
        shared=True,
        conditions=(("watchlist", "is", "Marathon season"),),
        orders=("-priority",),
        columns=("watchlists", "participants"),
    ),
    View(
        14,
        "Warranty without a replacement",
        KENJI,
        shared=True,
        conditions=(("queue", "is", "Warranty"), ("resolution", "is not", "Replaced under warranty")),
        orders=("status", "queue", "subject"),
        columns=("resolution", "queue_id"),
    ),
    View(
        15,
        "New in my conversations",
        KENJI,
        conditions=(("participating", "is", True), ("unread", "is", True), ("retained", "is not", True)),
        orders=("-last_response_at",),
        columns=("last_response_at", "last_responder_email"),
    ),
    View(
        16,
        "VIPs and clubs",
        TOM,
        shared=True,
        conditions=(("hashtag", "is", ["#vip", "club"]), ("hashtag", "is not", "goodwill")),
        orders=("-response_count",),
        columns=("hashtags", "originator_name", "response_count"),
    ),
    View(
        17,
        "Sizing questions A-Z",
        PRIYA,
        conditions=(("queue", "is", 4), ("participant", "is not", "me")),
        orders=("subject",),
        columns=("participants",),
    ),
)


def make_perspectives(world: World) -> None:
    """Add the views' rows to the world."""
    for view in VIEWS:
        world["perspectives"].append(_build_row(view))
        for position, (field, operator, value) in enumerate(view.conditions, start=1):
            row = {"perspective_id": view.id, "position": position, "field": field}
            world["perspective_conditions"].append(row | {"operator": operator, "value": value})
        for position, key in enumerate(view.orders, start=1):
            row = {"perspective_id": view.id, "position": position, "field": key.removeprefix("-")}
            world["perspective_orders"].append(row | {"ascending": not key.startswith("-")})
        for position, field in enumerate(view.columns, start=1):
            row = {"perspective_id": view.id, "position": position, "field": field}
            world["perspective_columns"].append(row)


def _build_row(view: View) -> dict[str, Any]:
    return {
        "id": view.id,
        "name": view.name,
        "description": view.description,
        "display_mode": "list" if view.columns else "card",
        "is_builtin": view.owner_id is None,
        "owner_id": view.owner_id,
        "shared": view.shared,
        "impersonate_user_id": view.impersonate_user_id,
        "show_in_crm": view.id == 12,
    }
