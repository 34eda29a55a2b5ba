"""A perspective of 1,000 conditions on one field, and a search of 1,000 tokens, are the oracle's answer, in time."""

from collections.abc import Iterator
from typing import Any

import pytest

from demo.pair import Pair
from tests.oracle.drawn_perspectives import OPERATORS
from tests.oracle.example import ANN, MINE, make_world, set_mine
from tests.support.difference import Comparison, open_comparison
from tickiti_query.catalogue.fields import MODES
from tickiti_query.compiler.rules import MOST_VALUES

COUNT = 1000
# field or mode -> values that tickets of the world have, and some that none has
FOUND: dict[str, tuple[Any, ...]] = {
    "status": ("open", "on-hold"),
    "priority": (10, "20", "High"),
    "queue": ("Sales", 1),
    "subject": ("Carbon 100%", "carbon"),
    "content": ("sole", "off"),
    "assignee": ("me", "team:7", "team-and-members:8", "bob@x.io"),
    "originator": ("me", "cleo@y.io"),
    "participant": ("zoe@y.io", "me"),
    "hashtag": ("vip", "#Fragile"),
    "watchlist": ("Hot", 2, 4),
    "resolution": ("refunded",),
    "subject_content": ("carbon", "sole"),
    "raised": ("cleo@y.io",),
    "assigned": ("team:7",),
    "ticket_number": (220009, "220006"),
}
FILLED = {
    "queue": ("Queue {}", 100),
    "watchlist": ("List {}", 100),
    "assignee": ("person{}@x.io", "team:{}", "team-and-members:{}"),
    "assigned": ("person{}@x.io", "team:{}", "team-and-members:{}"),
    "ticket_number": ("{}", 500_000),
}


def list_values(name: str, count: int = COUNT) -> list[Any]:
    """So many values, other ones wherever the field has no few that are all."""
    if name in {"status", "priority"}:
        return [FOUND[name][number % len(FOUND[name])] for number in range(count)]
    if name.endswith(("_from", "_to")):
        return [f"2{number:03d}-05-01" for number in range(count)]
    if name not in FOUND:
        return [number % 2 == 0 for number in range(count)]
    fills = FILLED.get(name, ("none {}",))
    found = list(FOUND[name])
    others = [fills[number % len(fills)] for number in range(count - len(found))]
    return found + [
        fill.format(100 + number) if isinstance(fill, str) else fill + number for number, fill in enumerate(others)
    ]


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


@pytest.mark.parametrize(
    ("field", "operator"), [(field, operator) for field, operators in OPERATORS.items() for operator in operators]
)
def test_a_thousand_conditions_on_a_field_are_answered(comparison: Comparison, field: str, operator: str) -> None:
    world = set_mine(make_world(), [(field, operator, value) for value in list_values(field)])
    comparison.load(world)
    comparison.compare(world, ANN, {"perspective_id": MINE})


def test_a_thousand_conditions_on_each_field_are_answered_together(comparison: Comparison) -> None:
    negative = {field: operators[-1] for field, operators in OPERATORS.items() if field not in {"status", "priority"}}
    conditions = [
        (field, operator, value)
        for field, operator in negative.items()
        for value in ([True] * COUNT if list_values(field)[0] is True else list_values(field, COUNT + 10)[10:])
    ]
    world = set_mine(make_world(), conditions)
    comparison.load(world)
    comparison.compare(world, ANN, {"perspective_id": MINE})


@pytest.mark.parametrize("match", ["all", "any"])
@pytest.mark.parametrize("mode", MODES)
def test_a_thousand_tokens_of_a_mode_are_answered(comparison: Comparison, mode: str, match: str) -> None:
    world = make_world()
    comparison.load(world)
    tokens = [value for value in list_values(mode) if isinstance(value, str) or mode in {"ticket_number", "priority"}]
    if mode == "watchlist":
        tokens = [*FOUND[mode][1:], *range(100, 100 + COUNT - 2)]
    comparison.compare(world, ANN, {"search_object": {"criteria": [{"mode": mode, "tokens": tokens, "match": match}]}})


def test_every_text_may_be_in_another_response(comparison: Comparison) -> None:
    world = make_world()
    tokens = [f"word{number}," for number in range(COUNT)]
    texts = ["".join(tokens[::2]), "".join(tokens[1::2])]
    world["responses"] += [{**world["responses"][0], "plain_text": text} for text in texts]
    comparison.load(world)
    for sought in (tokens, [*tokens[:-1], "word that is nowhere"]):
        criteria = [{"mode": "content", "tokens": sought}]
        comparison.compare(world, ANN, {"search_object": {"criteria": criteria}})


def test_more_values_than_the_bound_are_refused_with_a_reason(comparison: Comparison) -> None:
    tags = [f"tag{number}" for number in range(MOST_VALUES)]
    world = set_mine(make_world(), [("hashtag", "is not", tags), ("hashtag", "is", "vip")])
    comparison.load(world)
    comparison.compare(world, ANN, {"perspective_id": MINE})
    comparison.load(set_mine(make_world(), [("hashtag", "is not", tags), ("hashtag", "is not", "one more")]))
    status, body, _ = comparison.ask(ANN, {"perspective_id": MINE})
    assert (status, body["error"]) == (501, "unsupported_perspective")
    condition = 'perspective 50 "Mine" has a condition on "hashtag" with operator "is not"'
    assert body["message"] == f"{condition} and 5001 values, which is not supported: it may have 5000 at most."


def test_an_order_that_comes_again_orders_nothing(comparison: Comparison) -> None:
    orders = [("status", True), ("number", False)] + [("status", number % 2 == 0) for number in range(2 * COUNT)]
    world = set_mine(make_world(), orders=orders)
    comparison.load(world)
    comparison.compare(world, ANN, {"perspective_id": MINE})
