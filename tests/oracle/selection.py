"""Which perspective a request means, out of those the acting user has."""

from .request import Request
from .values import Row, World

ALL = "All"
SYNTHETIC_ALL: Row = {
    "id": None,
    "name": ALL,
    "description": None,
    "display_mode": "card",
    "is_builtin": True,
    "owner_id": None,
    "shared": False,
    "impersonate_user_id": None,
    "show_in_crm": False,
}


def find_all(world: World) -> Row:
    """The built-in row named All, the one of the lowest id; without one, the perspective without parts."""
    rows = [row for row in world["perspectives"] if row["is_builtin"] and row["name"] == ALL]
    return min(rows, key=lambda row: int(row["id"]), default=SYNTHETIC_ALL)


def visible_perspectives(world: World, acting: Row) -> list[Row]:
    if not acting["is_staff"]:
        return [find_all(world)]
    rows = [
        row for row in world["perspectives"] if row["is_builtin"] or row["owner_id"] == acting["id"] or row["shared"]
    ]
    return rows if find_all(world) in rows else [*rows, SYNTHETIC_ALL]


def rank_name(row: Row, acting: Row) -> tuple[int, int]:
    """Built-in before own before shared, and within one class the lowest id."""
    if row["is_builtin"]:
        return 0, row["id"] or 0
    return (1, row["id"]) if row["owner_id"] == acting["id"] else (2, row["id"])


def find_perspective(world: World, acting: Row, request: Request) -> Row | None:
    """The perspective meant; None is the 404 of one that is not there or not visible."""
    visible = visible_perspectives(world, acting)
    if request.perspective_id is not None:
        return next((row for row in visible if row["id"] == request.perspective_id), None)
    if request.perspective_name is None:
        return find_all(world)
    if request.perspective_name == "":
        return None
    named = [row for row in visible if row["name"] == request.perspective_name]
    return min(named, key=lambda row: rank_name(row, acting), default=None)
