"""A hostile row is only data, and so is a hostile criterion: every answer is the oracle's, or a refusal."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo.pair import Pair
from tests.oracle.drawn_bodies import MODES
from tests.oracle.drawn_perspectives import COLUMNS, FIELDS, OPERATORS, ORDERS
from tests.oracle.example import ANN, make_world
from tests.oracle.values import Row, World
from tests.support.difference import SCHEMA, Comparison, open_comparison
from tests.support.hostile import PAYLOADS


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


class Views:
    """Perspectives of Ann's that are put into a world one by one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: list[int] = []

    def add(self, name: str = "x", *, condition: tuple[str, str, Any] | None = None, **parts: str) -> int:
        """The id of a new one, with this condition, and with one row of `orders` or `columns`."""
        number = 100 + len(self.ids)
        self.ids.append(number)
        self.world["perspectives"].append({**self.world["perspectives"][0], "id": number, "name": name})
        at: Row = {"perspective_id": number, "position": 0}
        if condition:
            field, operator, value = condition
            row = at | {"field": field, "operator": operator, "value": value}
            self.world["perspective_conditions"].append(row)
        for part, field in parts.items():
            row = at | {"field": field} | ({"ascending": True} if part == "orders" else {})
            self.world[f"perspective_{part}"].append(row)
        return number


def plant(payload: str) -> tuple[World, list[int]]:
    """A world with a payload wherever text is stored, and the ids of the perspectives that have it in them."""
    world = make_world()
    ticket = world["tickets"][0]
    ticket |= dict.fromkeys(
        ("subject", "assigned_to_email", "originator_email", "resolution", "last_responder_email"), payload
    )
    world["responses"][0]["plain_text"] = payload
    for table, column in (("ticket_participants", "email"), ("ticket_hashtags", "tag")):
        world[table][0][column] = payload
    for table in ("users", "ticket_queues", "watchlists", "teams"):
        world[table][0]["name"] = payload
    views = Views(world)
    views.add(payload)
    for field in FIELDS:
        for operator in OPERATORS[field][:2]:
            views.add(condition=(field, operator, [payload, f"{payload}{payload}"]))
    for condition in (
        ("subject", payload, "open"),
        (payload, "is", "open"),
        (f"subject{payload}", "is", payload),
        (f"{payload}subject", f"is{payload}", payload),
    ):
        views.add(condition=condition)
    for field in (payload, f"{ORDERS[0]}{payload}", f"{payload}{ORDERS[0]}"):
        views.add(orders=field)
        views.add(columns=field)
    every = views.add(condition=("subject", "contains", payload))
    world["perspective_columns"] += [
        {"perspective_id": every, "position": place, "field": column} for place, column in enumerate(set(COLUMNS))
    ]
    return world, views.ids


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_a_row_is_text(comparison: Comparison, payload: str) -> None:
    world, views = plant(payload)
    comparison.load(world)
    for number in views:
        comparison.compare(world, ANN, {"perspective_id": number})
    comparison.compare(world, ANN, {"search_object": {"search_perspective": payload}})
    for mode in (*MODES, payload):
        criterion = {"mode": mode, "tokens": [payload]}
        comparison.compare(world, ANN, {"search_object": {"criteria": [criterion]}})
    comparison.compare(world, ANN, {"search_object": {"criteria": [criterion | {"match": payload}]}})
    comparison.compare(world, ANN, {payload: payload, "search_object": {payload: [payload]}})
    comparison.compare(world, ANN, {})


# What jsonb can hold and no condition should.
VALUES = (
    "repeat('[', 3000) || repeat(']', 3000)",
    """repeat('{"a":', 3000) || '1' || repeat('}', 3000)""",
    "repeat('9', 100000)",
    "'-' || repeat('9', 100000)",
    "'1e131000'",
    "'1e-16000'",
    "'[1, [2]]'",
    """'{"open": "open"}'""",
    "'null'",
    "'[]'",
    "to_jsonb(repeat('x', 1000000))::text",
    "'[' || repeat('0,', 100000) || '0]'",
)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_is_none_is_refused(comparison: Comparison, value: str) -> None:
    world = make_world()
    views = Views(world)
    for field in ("priority", "queue", "status", "watchlist", "for_attention", "subject"):
        views.add(condition=(field, "is", "open"))
    comparison.load(world)
    with comparison.primary, comparison.primary.cursor() as cursor:
        cursor.execute(f"UPDATE {SCHEMA}.perspective_conditions SET value = CAST({value} AS jsonb)")
    for number in views.ids:
        status, body, _ = comparison.ask(ANN, {"perspective_id": number})
        # A long number is an id that no row has, and a long text a subject that no ticket has; all else is no value.
        if status == 200:
            assert body["data"] == []
        else:
            assert (status, body["error"]) == (501, "unsupported_perspective")
            assert len(json.dumps(body)) < 1000
    comparison.compare(world, ANN, {})
