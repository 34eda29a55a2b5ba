"""The service and an independent reading of the contract answer alike: by hand-worked cases, and random worlds."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.example import ANN, BOB, CLEO, MINE, ROOT, make_world, set_mine
from tests.oracle.worked_requests import CRITERIA, INVALID, SELECTORS, UNSUPPORTED, crowd
from tests.oracle.worked_views import COLUMNS, CONDITIONS, IMPERSONATED, ORDERS
from tests.oracle.worlds import Case, cases
from tests.support.difference import Comparison, open_comparison
from tickiti_query.catalogue.predicate import Relation
from tickiti_query.demo.pair import Pair
from tickiti_query.reporting.perspectives import LOOKUPS

# `TICKITI_DIFFERENCE_CASES=50000 ./script/test tests/integration/test_difference.py` is the longer run.
CASES = int(os.environ.get("TICKITI_DIFFERENCE_CASES", "700"))
IT = {"perspective_id": MINE}
MUCH = " of one who takes part in much"
FOUND_TWICE = {"mode": "subject_content", "tokens": ["o"]}


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


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


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_case_is_answered_as_the_oracle_says(comparison: Comparison, name: str) -> None:
    world, user_id, body = WORKED[name]
    comparison.load(world)
    with take_part_in_much() if MUCH in name else contextlib.nullcontext():
        comparison.compare(world, user_id, body)


@contextlib.contextmanager
def take_part_in_much() -> Iterator[None]:
    """Let everybody count as one of those for whom another shape is written."""
    kind, _, are_ids = LOOKUPS[Relation.FEW_PARTICIPATIONS]
    nobody = (kind, "SELECT k.place, k.key FROM keys k WHERE FALSE", are_ids)
    with patch.dict(LOOKUPS, {Relation.FEW_PARTICIPATIONS: nobody}):
        yield


@pytest.mark.timeout(0)
@settings(max_examples=CASES)
@given(case=cases(), much=st.booleans())
def test_every_answer_over_random_worlds_is_the_oracles(comparison: Comparison, case: Case, much: bool) -> None:
    world, user_id, body = case
    comparison.load(world)
    with take_part_in_much() if much else contextlib.nullcontext():
        comparison.compare(world, user_id, body)
        for perspective in world["perspectives"]:
            comparison.compare(world, user_id, {"perspective_id": perspective["id"]})
