"""A question that was asked before is one statement, as long as what it came from still holds."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from demo.pair import Pair
from tests.support.shop import PRIYA, TOM, Shop, open_shop
from tickiti_query.replica import replica
from tickiti_query.replica.execution import MOST_WITH_VALUES

BODY = {"perspective_id": 7}
# What a row that a list comes from may turn into: the relation's change, and its undoing.
CHANGES = {
    "the owner may see another queue": (
        "UPDATE queue_permissions SET can_view = NOT can_view WHERE user_id = 1",
        "UPDATE queue_permissions SET can_view = NOT can_view WHERE user_id = 1",
    ),
    "the owner sees all queues": (
        "UPDATE users SET sees_all_queues = NOT sees_all_queues WHERE id = 1",
        "UPDATE users SET sees_all_queues = NOT sees_all_queues WHERE id = 1",
    ),
    "the owner has left": (
        "UPDATE users SET is_active = FALSE WHERE id = 1",
        "UPDATE users SET is_active = TRUE WHERE id = 1",
    ),
    "the token may do less": (
        "UPDATE personal_access_tokens SET abilities = '[]' WHERE id = 1",
        "UPDATE personal_access_tokens SET abilities = '[\"tickets:read\"]' WHERE id = 1",
    ),
    "the token has ended": (
        "UPDATE personal_access_tokens SET expires_at = '2001-01-01' WHERE id = 1",
        "UPDATE personal_access_tokens SET expires_at = NULL WHERE id = 1",
    ),
    "the perspective has another condition": (
        "UPDATE perspective_conditions SET value = '\"closed\"' WHERE perspective_id = 7 AND field = 'status'",
        "UPDATE perspective_conditions SET value = '\"open\"' WHERE perspective_id = 7 AND field = 'status'",
    ),
    "the perspective is gone": (
        "UPDATE perspectives SET shared = FALSE WHERE id = 7",
        "UPDATE perspectives SET shared = TRUE WHERE id = 7",
    ),
}


@pytest.fixture(name="statements")
def count_statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts of questions to the replica: step by step (`read`), with preconditions at once (`prove`), and without."""
    counts: Counter[str] = Counter()

    def count(name: str, tell: Callable[[Any], str]) -> None:
        method: Callable[..., Any] = getattr(replica.Replica, name)

        def counted(self: Any, what: Any, deadline: Any) -> Any:
            counts[tell(what)] += 1
            return method(self, what, deadline)

        monkeypatch.setattr(replica.Replica, name, counted)

    count("read", lambda _work: "read")
    count("ask", lambda statement: "prove" if "personal_access_tokens" in statement.sql else "page")
    return counts


@pytest.fixture(name="fresh")
def open_uncached(shop_pair: Pair, statements: Counter[str]) -> Shop:
    assert not statements  # it is there before the service takes the methods
    return open_shop(shop_pair, cache_ttl_seconds=0)


@pytest.fixture(name="full")
def open_full(shop_pair: Pair, statements: Counter[str]) -> Shop:
    """Its cache has no room for an answer, so that every request is a miss, and knows the replica's state."""
    assert not statements
    return open_shop(shop_pair, cache_max_bytes=1)


def test_from_the_second_time_on_a_question_is_one_statement(full: Shop, statements: Counter[str]) -> None:
    first = full.list_rows(PRIYA, BODY)
    assert statements == {"read": 1}
    for times in (1, 2, 3):
        assert full.list_rows(PRIYA, BODY) == first != []
        assert statements == {"read": 1, "page": times}


def test_after_a_commit_the_premises_are_proved_once(full: Shop, statements: Counter[str]) -> None:
    first = full.list_rows(PRIYA, BODY)
    for times in (1, 2):
        number = first[0]["number"]
        with full.change(
            f"UPDATE tickets SET subject = 'something else' WHERE number = {number}",
            f"UPDATE tickets SET subject = $${first[0]['subject']}$$ WHERE number = {number}",
        ):
            rows = full.list_rows(PRIYA, BODY)
            assert (rows[0]["subject"], rows[1:]) == ("something else", first[1:])
            assert (statements["prove"], statements["page"]) == (2 * times - 1, 2 * times - 2)
            assert full.list_rows(PRIYA, BODY) == rows
        assert full.list_rows(PRIYA, BODY) == first
        assert full.list_rows(PRIYA, BODY) == first
    assert statements == {"read": 1, "prove": 4, "page": 4}


def test_rows_that_see_something_later_are_not_answered_without_proof(
    shop_pair: Pair, statements: Counter[str]
) -> None:
    """Without a cache the state is of up to a second ago: the rows alone may be read after a commit."""
    shop = open_shop(shop_pair, cache_ttl_seconds=0)
    deadline = time.monotonic() + 30
    while not (statements["page"] and statements["prove"]):
        assert time.monotonic() < deadline
        statements.clear()
        before = shop.list_rows(PRIYA, BODY)
        with shop.change(
            "UPDATE queue_permissions SET can_view = FALSE WHERE user_id = 1",
            "UPDATE queue_permissions SET can_view = TRUE WHERE user_id = 1",
        ):
            assert shop.list_rows(PRIYA, BODY) == []
        assert shop.list_rows(PRIYA, BODY) == before != []


def test_an_empty_list_is_empty_the_second_time_too(full: Shop, statements: Counter[str]) -> None:
    body = {"search_object": {"criteria": [{"mode": "subject", "tokens": ["no such words"]}]}}
    assert [full.list_rows(PRIYA, body) for _ in range(3)] == [[]] * 3
    assert statements == {"read": 1, "page": 2}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_question_comes_from_is_proved_with_its_rows(
    shop_pair: Pair, fresh: Shop, statements: Counter[str], change: str
) -> None:
    before = fresh.ask(PRIYA, BODY)
    do, undo = CHANGES[change]
    with fresh.change(do, undo):
        now = fresh.ask(PRIYA, BODY)
        assert (statements["read"], statements["prove"]) == (2, 1)
        anew = open_shop(shop_pair).ask(PRIYA, BODY)
        assert (now.status_code, now.data) == (anew.status_code, anew.data)
        assert (now.status_code, now.data) != (before.status_code, before.data)
    assert fresh.ask(PRIYA, BODY).data == before.data


def test_another_token_or_body_is_another_question(fresh: Shop, statements: Counter[str]) -> None:
    one, other = fresh.list_rows(PRIYA, BODY), fresh.list_rows(TOM, BODY)
    assert statements == {"read": 2}
    for _ in range(2):
        assert fresh.list_rows(PRIYA, BODY) == one != other == fresh.list_rows(TOM, BODY)
        assert fresh.list_rows(PRIYA, {**BODY, "row_limit": 1}) == one[:1]
    assert statements["read"] == 3


def test_more_questions_than_a_connection_keeps_are_answered_all_the_same(
    shop_pair: Pair, statements: Counter[str]
) -> None:
    shop = open_shop(shop_pair, cache_ttl_seconds=0, threads=1)
    limits = range(1, MOST_WITH_VALUES + 5)
    for _ in range(3):
        for limit in limits:
            assert len(shop.list_rows(PRIYA, {"row_limit": limit})) == limit
    assert statements["read"] == len(limits)
    assert statements["page"] + statements["prove"] >= 2 * len(limits)


def test_a_statement_that_could_not_be_prepared_is_prepared_again(fresh: Shop, statements: Counter[str]) -> None:
    expected = fresh.list_rows(PRIYA, BODY)
    with fresh.change(
        "ALTER TABLE tickets RENAME COLUMN subject TO topic",
        "ALTER TABLE tickets RENAME COLUMN topic TO subject",
    ):
        assert [fresh.ask(PRIYA, BODY).status_code for _ in range(3)] == [503] * 3
    assert statements["read"] == 1 + 3  # each looks anew, for the plan may be of the relations as they were
    for _ in range(2):
        assert fresh.list_rows(PRIYA, BODY) == expected
    assert statements["read"] == 1 + 3 + 1
