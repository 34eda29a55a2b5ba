"""The oracle's criteria, selectors and refusals, worked by hand from the contract."""

from datetime import datetime
from typing import Any

import pytest

from tests.oracle.evaluator import evaluate
from tests.oracle.example import ANN, BOB, CLEO, MINE, a_perspective, make_world, set_mine
from tests.oracle.worked_requests import (
    CRITERIA,
    INVALID,
    SELECTORS,
    UNSUPPORTED,
    ask,
    crowd,
    named,
    search,
)


@pytest.mark.parametrize(("criteria", "expected"), CRITERIA.values(), ids=CRITERIA)
def test_criteria_find_what_the_contract_says(criteria: list[dict[str, Any]], expected: set[int]) -> None:
    answer = evaluate(make_world(), ANN, search(*criteria))
    assert answer.status == 200
    assert {row["ticket_id"] for row in answer.rows} == expected


@pytest.mark.parametrize(
    ("mode", "token", "is_found"),
    [
        ("created_to", "2026-05-01", True),
        ("created_to", "2026-05-01 23:59:59", True),
        ("created_to", "2026-05-01 23:59:58", False),
        ("created_from", "2026-05-01 23:59:59", True),
        ("created_from", "2026-05-02", False),
    ],
)
def test_a_bound_compares_the_second_that_is_shown(mode: str, token: str, is_found: bool) -> None:
    world = make_world()
    world["tickets"][0]["created_at"] = datetime.fromisoformat("2026-05-01 23:59:59.600")
    rows = evaluate(world, ANN, search(ask(mode, token))).rows
    assert [row["created_at"] for row in rows if row["ticket_id"] == 1] == ["2026-05-01 23:59:59"] * is_found


def test_criteria_and_perspective_must_both_hold() -> None:
    world = set_mine(make_world(), [("status", "is", "open")])
    answer = evaluate(world, ANN, {"perspective_id": MINE} | search(ask("subject", "carbon")))
    assert [row["ticket_id"] for row in answer.rows] == [1]


def test_internal_notes_are_not_for_customers() -> None:
    assert evaluate(make_world(), CLEO, search(ask("content", "lawyer"))).rows == []
    assert len(evaluate(make_world(), CLEO, search(ask("content", "sole"))).rows) == 2


@pytest.mark.parametrize(("user_id", "body", "expected", "status"), SELECTORS.values(), ids=SELECTORS)
def test_a_selector_selects_what_the_contract_says(user_id: int, body: Any, expected: int | None, status: int) -> None:
    answer = evaluate(crowd(make_world()), user_id, body)
    assert (answer.status, answer.perspective_id) == (status, expected)


@pytest.mark.parametrize("body", [{}, {"perspective_id": 12}, named("All")])
def test_the_row_named_all_is_all_for_customers_too(body: Any) -> None:
    world = make_world()
    world["perspectives"].append(a_perspective(12, "All", is_builtin=True, owner_id=None))
    assert evaluate(world, CLEO, body).perspective_id == 12


@pytest.mark.parametrize(("body", "path"), INVALID.values(), ids=INVALID)
def test_a_body_that_is_wrong_is_422(body: Any, path: str) -> None:
    answer = evaluate(make_world(), ANN, body)
    assert (answer.status, answer.code, answer.error_fields) == (422, "validation_failed", {path})


def test_unknown_fields_are_ignored() -> None:
    criterion = {**ask("status", "closed"), "extra": 1}
    answer = evaluate(make_world(), ANN, {"extra": 1} | search(criterion, extra=[{}]))
    assert [row["ticket_id"] for row in answer.rows] == [2]


@pytest.mark.parametrize("parts", UNSUPPORTED.values(), ids=UNSUPPORTED)
@pytest.mark.parametrize("tickets", ["with tickets", "without any"])
def test_what_a_perspective_may_not_use_is_501(parts: dict[str, Any], tickets: str) -> None:
    world = set_mine(make_world(), **parts)
    if tickets == "without any":
        world["tickets"] = []
    answer = evaluate(world, ANN, {"perspective_id": MINE})
    assert (answer.status, answer.code, answer.rows) == (501, "unsupported_perspective", [])


def test_an_inactive_user_may_be_impersonated() -> None:
    world = set_mine(make_world(), [("originator", "is", "me")], impersonate=5)
    assert [row["ticket_id"] for row in evaluate(world, ANN, {"perspective_id": MINE}).rows] == [3]


def test_422_comes_before_404_before_501() -> None:
    world = set_mine(make_world(), columns=["nonsense"])
    wrong = search(ask("status", "pending"))
    assert evaluate(world, ANN, {"perspective_id": 999} | wrong).status == 422
    assert evaluate(world, ANN, {"perspective_id": MINE} | wrong).status == 422
    assert evaluate(world, BOB, {"perspective_id": MINE}).status == 404
    assert evaluate(world, ANN, {"perspective_id": MINE}).status == 501
