"""The service and an independent reading of the contract answer alike: by hand-worked cases, and random worlds."""

import contextlib
import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.pair import Pair
from tests.oracle.worked_cases import MUCH, WORKED
from tests.oracle.worlds import Case, cases
from tests.support.difference import Comparison, open_comparison
from tickiti_query.catalogue.predicate import Relation
from tickiti_query.reporting.perspectives import LOOKUPS

# `TICKITI_DIFFERENCE_CASES=50000 ./script/test tests/integration/test_difference.py` is the longer run.
CASES = int(os.environ.get("TICKITI_DIFFERENCE_CASES", "700"))


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_case_is_answered_as_the_oracle_says(comparison: Comparison, name: str) -> None:
    world, user_id, body = WORKED[name]
    comparison.load(world)
    with take_part_in_much() if MUCH in name else contextlib.nullcontext():
        comparison.compare(world, user_id, body)


@contextlib.contextmanager
def take_part_in_much() -> Iterator[None]:
    """Let everybody count as one of those for whom another shape is written."""
    nobody = "SELECT k.place, k.key FROM keys k WHERE FALSE"
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
