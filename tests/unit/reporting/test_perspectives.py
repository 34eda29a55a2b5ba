"""Rows of saved views become perspectives, for the users who have them."""

from typing import Any

import pytest

from tickiti_query.model.errors import NotFound, UnsupportedPerspective
from tickiti_query.model.perspective import ALL, Condition, Order, Perspective, Selector
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor, User
from tickiti_query.reporting.perspectives import (
    BUILT_IN_ALL,
    BY_ID,
    BY_NAME,
    find_perspective,
    read_perspective,
)

STAFF = Actor(User(7, "ann@shop.example"), is_staff=True, queues=(1, 2))
CUSTOMER = Actor(User(9, "carl@club.example"), is_staff=False, queues=(5,))
ALL_ROW: tuple[Any, ...] = (1, "All", None, None, None, [], [], [])
RETURNS_ROW = (
    3,
    "Returns",
    None,
    None,
    None,
    ['["queue", "is", "[\\"Returns\\", 5]"]', '["status", "is not", "\\"closed\\""]'],
    ['["updated_at", false]', '["id", true]'],
    ["subject", "assignee_name"],
)
RETURNS = Perspective(
    3,
    "Returns",
    (Condition("queue", "is", ("Returns", 5)), Condition("status", "is not", ("closed",))),
    (Order("updated_at", ascending=False), Order("id", ascending=True)),
    ("subject", "assignee_name"),
)


class Rows:
    """A source that has one row for every statement, or none; it keeps what it was asked."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self._rows = list(rows)
        self.asked: list[Statement] = []

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return self._rows


@pytest.mark.parametrize(
    ("selector", "sql", "binds"),
    [
        (Selector(), BUILT_IN_ALL, ()),
        (Selector(name="All"), BUILT_IN_ALL, ()),
        (Selector(id=3), BY_ID, (("id", 3), ("user_id", 7))),
        (Selector(name="Returns"), BY_NAME, (("name", "Returns"), ("user_id", 7))),
        (Selector(id=3, name="All"), BY_ID, (("id", 3), ("user_id", 7))),
    ],
)
def test_staff_have_a_perspective_by_its_id_or_its_name(
    selector: Selector, sql: str, binds: tuple[tuple[str, Any], ...]
) -> None:
    source = Rows(RETURNS_ROW)
    assert find_perspective(source, selector, STAFF) == RETURNS
    assert source.asked == [Statement(sql, binds, is_repeated=True)]


@pytest.mark.parametrize("selector", [Selector(id=3), Selector(name="Returns")])
def test_what_a_staff_user_does_not_have_is_not_found(selector: Selector) -> None:
    with pytest.raises(NotFound):
        find_perspective(Rows(), selector, STAFF)


@pytest.mark.parametrize("selector", [Selector(id=2**70), Selector(id=-(2**70)), Selector(name="")])
def test_what_no_row_can_be_is_not_asked_for(selector: Selector) -> None:
    source = Rows(RETURNS_ROW)
    with pytest.raises(NotFound):
        find_perspective(source, selector, STAFF)
    assert source.asked == []


@pytest.mark.parametrize("actor", [STAFF, CUSTOMER])
def test_all_is_there_without_a_row_too(actor: Actor) -> None:
    assert find_perspective(Rows(), Selector(), actor) is ALL


@pytest.mark.parametrize("selector", [Selector(), Selector(name="All"), Selector(id=1)])
def test_a_customer_has_all(selector: Selector) -> None:
    source = Rows(ALL_ROW)
    assert find_perspective(source, selector, CUSTOMER) == Perspective(1, "All")
    assert [statement.sql for statement in source.asked] == [BUILT_IN_ALL]


@pytest.mark.parametrize("selector", [Selector(id=3), Selector(name="Returns"), Selector(id=3, name="All")])
def test_a_customer_has_no_other_perspective_and_no_other_is_looked_for(selector: Selector) -> None:
    source = Rows(ALL_ROW)
    with pytest.raises(NotFound):
        find_perspective(source, selector, CUSTOMER)
    assert [statement.sql for statement in source.asked] == [BUILT_IN_ALL]


def test_a_perspective_may_be_read_as_another_user() -> None:
    found = read_perspective((3, "Bob's", 8, 8, "bob@shop.example", [], [], []))
    assert found.subject == User(8, "bob@shop.example")


def test_a_perspective_of_a_user_who_is_gone_is_not_read_as_anybody() -> None:
    with pytest.raises(UnsupportedPerspective, match=r'perspective 3 "Bob\'s"'):
        read_perspective((3, "Bob's", 8, None, None, [], [], []))


def test_null_is_no_value_no_name_and_no_direction() -> None:
    row = (3, "Odd", None, None, None, ["[null, null, null]"], ["[null, true]"], [None])
    assert read_perspective(row) == Perspective(
        3, "Odd", (Condition("", "", ()),), orders=(Order("", ascending=True),), columns=("",)
    )
    with pytest.raises(UnsupportedPerspective, match=r'perspective 3 "Odd" has an order without a direction'):
        read_perspective((3, "Odd", None, None, None, [], ['["subject", null]'], []))
