"""The hand-worked cases as questions, each also seen by somebody else."""

from collections.abc import Iterator
from typing import Any

from .example import ANN, BOB, CLEO, MINE, ROOT, make_world, set_mine
from .worked_requests import CRITERIA, INVALID, SELECTORS, UNSUPPORTED, crowd
from .worked_views import COLUMNS, CONDITIONS, IMPERSONATED, ORDERS

IT = {"perspective_id": MINE}
MUCH = " of one who takes part in much"
FOUND_TWICE = {"mode": "subject_content", "tokens": ["o"]}


def search(criteria: Any) -> dict[str, Any]:
    return {"search_object": {"criteria": criteria}}


def list_worked_cases() -> Iterator[tuple[str, Any]]:
    """(name, (world, user, body)): the oracle's own hand-worked cases, and each seen by somebody else too."""
    for name, (conditions, _) in CONDITIONS.items():
        yield f"condition: {name}", (set_mine(make_world(), conditions), ANN, IT)
    for name, (conditions, _) in (CONDITIONS | IMPERSONATED).items():
        yield f"as Bob: {name}", (set_mine(make_world(), conditions, impersonate=BOB), ANN, IT)
    for name, (orders, _) in ORDERS.items():
        ordered = set_mine(make_world(), orders=orders)
        yield f"order: {name}", (ordered, ANN, IT)
        as_bob = set_mine(make_world(), orders=orders, impersonate=BOB)
        yield f"top of an order as Bob: {name}", (as_bob, ANN, IT | {"row_limit": 2})
        yield f"order of what a search finds: {name}", (ordered, ANN, IT | search([FOUND_TWICE]))
        attention = set_mine(make_world(), [("for_attention", "is", True)], orders)
        yield f"order of what is for attention: {name}", (attention, ANN, IT)
        yield f"order of what is for attention{MUCH}: {name}", (attention, ANN, IT | {"row_limit": 50})
    for name, (column, _, _) in COLUMNS.items():
        yield f"column: {name}", (set_mine(make_world(), columns=[column]), ANN, IT)
        yield f"column as Bob: {name}", (set_mine(make_world(), columns=[column], impersonate=BOB), ANN, IT)
    for name, (criteria, _) in CRITERIA.items():
        for asker, user_id in {"Ann": ANN, "Cleo": CLEO, "Root": ROOT}.items():
            yield f"criteria of {asker}: {name}", (make_world(), user_id, search(criteria))
        yield (
            f"criteria as Bob: {name}",
            (set_mine(make_world(), impersonate=BOB), ANN, search(criteria) | IT),
        )
    for name, (user_id, body, _, _) in SELECTORS.items():
        yield f"selector: {name}", (crowd(make_world()), user_id, body)
    for name, (body, _) in INVALID.items():
        yield f"invalid: {name}", (make_world(), ANN, body)
    for name, parts in UNSUPPORTED.items():
        yield f"unsupported: {name}", (set_mine(make_world(), **parts), ANN, IT)


WORKED = dict(list_worked_cases())
