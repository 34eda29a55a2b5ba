"""A fraction of a second is not shown, so it decides no bound: a ticket is found in the second that its row shows."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from demo.pair import Pair
from tests.oracle.example import ANN, make_world, set_mine
from tests.support.difference import Comparison, open_comparison

DAY, NEXT, BEFORE = "2026-05-01", "2026-05-02", "2026-04-30"
TOKENS = (DAY, NEXT, BEFORE, f"{DAY} 23:59:58", f"{DAY} 23:59:59", f"{NEXT} 00:00:00", "9999-12-31", "0001-01-01")


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        yield opened


@pytest.mark.parametrize("fraction", ["000000", "000001", "600000", "999999"])
def test_a_ticket_is_found_in_the_second_that_its_row_shows(comparison: Comparison, fraction: str) -> None:
    world = make_world()
    world["tickets"][0] |= dict.fromkeys(
        ("created_at", "updated_at"), datetime.fromisoformat(f"{DAY} 23:59:59.{fraction}")
    )
    comparison.load(world)
    for column in ("created", "updated"):
        for token in TOKENS:
            for bound in ("from", "to"):
                body = {"search_object": {"criteria": [{"mode": f"{column}_{bound}", "tokens": [token]}]}}
                comparison.compare(world, ANN, body)
        of_the_day = [
            {"mode": f"{column}_from", "tokens": [DAY]},
            {"mode": f"{column}_to", "tokens": [DAY]},
        ]
        status, found, _ = comparison.ask(ANN, {"search_object": {"criteria": of_the_day}})
        assert status == 200
        assert f"{DAY} 23:59:59" in [row[f"{column}_at"] for row in found["data"]]


def test_orders_and_reading_go_by_the_time_that_is_stored(comparison: Comparison) -> None:
    world = set_mine(make_world(), orders=[("created_at", True)], columns=["unread", "last_read_at"])
    first, second = world["tickets"][0], world["tickets"][1]
    first |= {
        "created_at": datetime.fromisoformat(f"{DAY} 10:00:00.9"),
        "last_response_at": datetime.fromisoformat(f"{DAY} 10:00:00.9"),
    }
    second |= {"created_at": datetime.fromisoformat(f"{DAY} 10:00:00.1"), "last_response_at": None}
    for state in world["ticket_user_states"][:2]:
        state["last_read_at"] = datetime.fromisoformat(f"{DAY} 10:00:00.5")
    comparison.load(world)
    comparison.compare(world, ANN, {"perspective_id": 50})
    _, found, _ = comparison.ask(ANN, {"perspective_id": 50})
    rows = {row["ticket_id"]: row["unread"] for row in found["data"]}
    assert list(rows) == [9, 4, 3, 2, 1]
    assert (rows[1], rows[2]) == (True, False)
