"""Columns of other types than the contract's: every answer is the contract's all the same."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from demo.pair import Pair
from tests.oracle.worked_cases import WORKED
from tests.oracle.worlds import Case, cases
from tests.support.odd_columns import KINDS, OddComparison, open_odd_comparison

# `TICKITI_DIFFERENCE_CASES=50000 ./script/test tests/integration/test_column_types.py` is the longer run.
GIVEN = os.environ.get("TICKITI_DIFFERENCE_CASES")
CASES = int(GIVEN or "240") // len(KINDS)
SHARE = 1 if GIVEN else 3


@pytest.fixture(scope="module", params=KINDS)
def comparison(pair: Pair, request: pytest.FixtureRequest) -> Iterator[OddComparison]:
    with open_odd_comparison(pair.primary, pair.standby, KINDS[request.param]) as opened:
        opened.number = list(KINDS).index(request.param)
        yield opened


def test_the_worked_cases_are_answered_as_the_oracle_says(comparison: OddComparison) -> None:
    """Each case meets some of the kinds; the longer run is of all."""
    for world, user_id, body in list(WORKED.values())[comparison.number % SHARE :: SHARE]:
        trimmed = comparison.trim(world)
        comparison.load(trimmed)
        comparison.compare(trimmed, user_id, body)


@pytest.mark.timeout(0)
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(case=cases())
def test_every_answer_over_random_worlds_is_the_oracles(comparison: OddComparison, case: Case) -> None:
    drawn, user_id, body = case
    world = comparison.trim(drawn)
    comparison.load(world)
    comparison.compare(world, user_id, body)
    for perspective in world["perspectives"]:
        comparison.compare(world, user_id, {"perspective_id": perspective["id"]})
