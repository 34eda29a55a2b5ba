"""The saved views of the shop: four built-in ones and thirteen that people made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from demo.loading import World
from demo.seed_files import read_seed_file

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


def read_views() -> Iterator[View]:
    """Yield the views of seed/perspectives.toml."""
    for row in read_seed_file("perspectives")["perspectives"]:
        conditions = tuple(map(tuple, row.pop("conditions", ())))
        orders, columns = tuple(row.pop("orders", ())), tuple(row.pop("columns", ()))
        yield View(**row, conditions=conditions, orders=orders, columns=columns)


VIEWS = tuple(read_views())


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
