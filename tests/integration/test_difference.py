"""The service and an independent reading of the contract answer alike, over random worlds."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.difference import Comparison, open_comparison
from tests.oracle.worlds import Case, cases
from tickiti_query.demo.pair import Pair

# `TICKITI_DIFFERENCE_CASES=100000 ./script/test tests/integration/test_difference.py` is the longer run.
CASES = int(os.environ.get("TICKITI_DIFFERENCE_CASES", "600"))


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


@pytest.mark.timeout(0)
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(case=cases())
def test_every_answer_is_the_oracles(comparison: Comparison, case: Case) -> None:
    world, user_id, body = case
    comparison.load(world)
    comparison.compare(world, user_id, body)
    for perspective in world["perspectives"]:
        comparison.compare(world, user_id, {"perspective_id": perspective["id"]})
