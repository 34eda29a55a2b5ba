"""Rows become the bytes of a 200: one object for each, with its columns in order."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tickiti_query.admission.capacity import MemoryBudget, Reservation
from tickiti_query.model.request import RequestTrace
from tickiti_query.query.collector import Collector, shape_row


def make_collector(columns: Sequence[str]) -> Collector:
    return Collector(columns, 1000, Reservation(MemoryBudget(10**6), "ann"), RequestTrace())


def render_rows(columns: Sequence[str], *parts: Sequence[tuple[Any, ...]]) -> bytes:
    body = make_collector(columns)
    for part in parts:
        body.add(part)
    return body.finish()


def test_no_rows_are_an_empty_list() -> None:
    assert render_rows(("id", "subject"), []) == b'{"ok":true,"data":[]}'


def test_each_row_is_an_object_with_its_columns_in_order() -> None:
    body = render_rows(("subject", "id"), [("Größe 42", 1), (None, 2)])
    assert body == '{"ok":true,"data":[{"subject":"Größe 42","id":1},{"subject":null,"id":2}]}'.encode()


def test_the_value_behind_the_columns_of_a_cached_plan_is_no_column() -> None:
    assert render_rows(("id",), [(1, None)]) == render_rows(("id",), [(1,)]) == b'{"ok":true,"data":[{"id":1}]}'


@pytest.mark.parametrize(
    "value", [True, False, 0, 2**53, -1, 1.5, "", '"quoted" \\ and\nbroken', "\u2028 🥾", [], ["#vip", "#returns"]]
)
def test_every_value_is_the_one_that_was_read(value: Any) -> None:
    assert json.loads(render_rows(("v",), [(value,)])) == {"ok": True, "data": [{"v": value}]}


def test_a_word_of_python_may_be_the_name_of_a_column() -> None:
    assert json.loads(render_rows(("class", "é"), [(1, 2)]))["data"] == [{"class": 1, "é": 2}]


def test_rows_that_come_in_parts_are_the_same_body() -> None:
    rows = [(number, "é" * number) for number in range(9)]
    whole = render_rows(("id", "subject"), rows)
    for size in (1, 2, 5, 9):
        parts = [rows[start : start + size] for start in range(0, 9, size)]
        assert render_rows(("id", "subject"), *parts) == render_rows(("id", "subject"), [], *parts, []) == whole


def test_a_body_knows_its_rows_and_its_bytes_while_it_is_made() -> None:
    body = make_collector(("id",))
    body.add([(1,), (2,)])
    assert (body.rows, body.size) == (2, len(b'{"ok":true,"data":[{"id":1},{"id":2}'))
    body.add([(3,)])
    assert (body.rows, len(body.finish())) == (3, body.size)


def test_the_shape_of_a_row_is_made_once_for_the_same_columns() -> None:
    assert shape_row(("id", "subject")) is shape_row(("id", "subject"))
    assert shape_row(("id", "subject")) is not shape_row(("subject", "id"))
