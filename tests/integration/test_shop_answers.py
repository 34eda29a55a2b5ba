"""The whole way from a request to rows of the shop, on a real hot standby."""

import contextlib
import json
from typing import Any

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.shop import MARCUS, PRIYA, TOM, Shop, open_shop
from tickiti_query.model.errors import QueryError
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.execution import deadline_from_now
from tickiti_query.replica.replica import Replica

EXAMPLE = (
    b'{"ok":true,"data":[{"ticket_id":1,"number":220009,"status":"open","queue":"Returns","priority":"20",'
    b'"subject":"Carbon plate cracked on first marathon",'
    b'"assigned_to_email":"priya.sharma@sole-provider.example",'
    b'"originator_email":"marcus@trailblazers-club.example",'
    b'"created_at":"2026-05-01 09:14:02","updated_at":"2026-05-02 11:30:48"},'
)


def search(**fields: Any) -> dict[str, Any]:
    return {"search_object": fields}


def test_the_documented_example_is_the_first_row_of_perspective_3(shop: Shop) -> None:
    assert shop.ask(PRIYA, {"perspective_id": 3}).data.startswith(EXAMPLE)
    assert shop.ask(TOM, {"perspective_id": 3}).data.startswith(EXAMPLE)


def test_a_write_is_refused_by_the_standby(shop_pair: Pair) -> None:
    target = Target(shop_pair.standby.url_for("postgres"), "reporting", 5000)
    replica = Replica(target, connections=1)
    statement = Statement("INSERT INTO teams (id, name) VALUES (99, 'x') RETURNING id")
    with contextlib.closing(replica), pytest.raises(QueryError) as refused:
        replica.read(lambda transaction: transaction.fetch(statement), deadline_from_now(30))
    assert getattr(refused.value.__cause__, "pgcode", None) == "25006"
    assert "INSERT" not in refused.value.message


def test_a_row_that_is_committed_on_the_primary_is_in_the_next_answer(shop: Shop) -> None:
    body = {"perspective_id": 3, "row_limit": 1}
    assert shop.ask(PRIYA, body).data.startswith(EXAMPLE[:-1])
    row: dict[str, Any] = {
        "id": 900_001,
        "number": 900_001,
        "subject": "Older than all",
        "status": "open",
        "priority": 40,
        "queue_id": 1,
        "originator_email": "x@y.example",
        "created_at": "2001-01-01",
        "updated_at": "2001-01-01",
    }
    with shop.add_row("tickets", **row):
        assert [row["subject"] for row in shop.list_rows(PRIYA, body)] == ["Older than all"]
    assert shop.ask(PRIYA, body).data.startswith(EXAMPLE[:-1])


def test_the_second_answer_is_a_hit_and_a_commit_makes_it_a_miss(shop: Shop) -> None:
    body = {"perspective_id": 7, "row_limit": 11}
    first, second = shop.ask(TOM, body), shop.ask(TOM, body)
    assert first.headers["Cache-Status"] == "tickiti-query; fwd=miss; stored"
    assert second.headers["Cache-Status"].startswith("tickiti-query; hit; ttl=")
    assert second.data == first.data
    with shop.change("UPDATE teams SET name = name WHERE id = 1", "SELECT 1"):
        third = shop.ask(TOM, body)
    assert third.headers["Cache-Status"] == "tickiti-query; fwd=miss; stored"
    assert third.data == first.data


def test_in_ttl_mode_an_answer_stays_for_its_time(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, freshness="ttl")
    before = shop.ask(TOM, {"row_limit": 1}).data
    with shop.change("UPDATE tickets SET subject = subject || '!'", "UPDATE tickets SET subject = rtrim(subject, '!')"):
        response = shop.ask(TOM, {"row_limit": 1})
        assert (response.data, "hit" in response.headers["Cache-Status"]) == (before, True)


def test_without_a_cache_every_answer_is_read(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, cache_ttl_seconds=0)
    assert [shop.ask(TOM).headers["Cache-Status"] for _ in "12"] == ["tickiti-query; fwd=bypass"] * 2


def test_no_user_is_served_anothers_rows(shop: Shop) -> None:
    toms = shop.list_rows(TOM, {"row_limit": 5000})
    for _ in "12":
        priyas = shop.list_rows(PRIYA, {"row_limit": 5000})
        marcus = shop.list_rows(MARCUS, {"row_limit": 5000})
        assert {row["queue"] for row in priyas} == {"Returns", "Warranty", "Sizing & Fit"}
        assert {row["queue"] for row in marcus} == {"Club Orders"}
    assert {row["queue"] for row in toms} > {"Returns", "Club Orders"}
    assert shop.ask(TOM, {"row_limit": 5000}).headers["X-Row-Count"] == str(len(toms))


def test_a_withdrawn_permission_is_gone_from_the_next_answer(shop: Shop) -> None:
    where = "WHERE user_id = 1 AND queue_id = 1"
    assert shop.list_rows(PRIYA, {"perspective_id": 3})
    with shop.change(
        f"UPDATE queue_permissions SET can_view = false {where}",
        f"UPDATE queue_permissions SET can_view = true {where}",
    ):
        assert shop.list_rows(PRIYA, {"perspective_id": 3}) == []
    assert shop.list_rows(PRIYA, {"perspective_id": 3})


# what is asked -> the perspective that is meant
SELECTIONS: list[tuple[dict[str, Any], int]] = [
    ({}, 1),
    (search(search_perspective="All"), 1),
    ({"perspective_id": "7"}, 7),
    (search(search_perspective_id=7), 7),
    (search(search_perspective="Nobody's tickets"), 7),
    ({"perspective_id": 7, **search(search_perspective_id=3, search_perspective="All")}, 7),
    (search(search_perspective_id=7, search_perspective="All"), 7),
    (
        {"perspective_id": None, **search(search_perspective_id=None, search_perspective="Nobody's tickets")},
        7,
    ),
    (search(search_perspective="Waiting for the maker"), 10),
]


@pytest.mark.parametrize(("body", "perspective_id"), SELECTIONS)
def test_the_most_direct_selector_wins(shop: Shop, body: dict[str, Any], perspective_id: int) -> None:
    asked = shop.list_rows(TOM, body)
    assert asked == shop.list_rows(TOM, {"perspective_id": perspective_id})
    assert asked


@pytest.mark.parametrize(
    "body",
    [
        {"perspective_id": 6},  # Priya's own
        {"perspective_id": 9999},
        {"perspective_id": -1},
        {"perspective_id": 2**63},
        {"perspective_id": 9999, **search(search_perspective="All")},
        search(search_perspective="My urgent tickets"),
        search(search_perspective="all"),
        search(search_perspective=" All"),
        search(search_perspective=""),
        search(search_perspective_id="0"),
    ],
)
def test_what_is_not_there_and_what_is_anothers_are_the_same_404(shop: Shop, body: dict[str, Any]) -> None:
    response = shop.ask(TOM, body)
    assert (response.status_code, response.get_json()["error"]) == (404, "not_found")
    assert response.data == shop.ask(TOM, {"perspective_id": 123_456}).data


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 200),
        ({"perspective_id": 1}, 200),
        (search(search_perspective="All"), 200),
        ({"perspective_id": 3}, 404),
        ({"perspective_id": 5}, 404),
        (search(search_perspective="Inbox"), 404),
        (search(search_perspective=""), 404),
        ({"perspective_id": 3, **search(search_perspective="All")}, 404),
    ],
)
def test_who_is_no_staff_has_all_and_nothing_else(shop: Shop, body: dict[str, Any], status: int) -> None:
    response = shop.ask(MARCUS, body)
    assert response.status_code == status
    if status == 200:
        assert response.get_json()["data"] == shop.list_rows(MARCUS)


def test_nobodys_own_perspective_stands_in_for_a_built_in(shop: Shop) -> None:
    with shop.add_row("perspectives", id=901, name="Inbox", owner_id=1):
        by_name = shop.list_rows(PRIYA, search(search_perspective="Inbox"))
        assert by_name == shop.list_rows(PRIYA, {"perspective_id": 5})
        assert by_name != shop.list_rows(PRIYA, {"perspective_id": 901})


def test_what_this_service_does_not_know_is_never_a_wider_list(shop: Shop) -> None:
    condition: dict[str, Any] = {
        "perspective_id": 902,
        "position": 1,
        "field": "moon",
        "operator": "is",
        "value": '"full"',
    }
    with (
        shop.add_row("perspectives", id=902, name="Strange", owner_id=1),
        shop.add_row("perspective_conditions", "perspective_id", **condition),
    ):
        response = shop.ask(PRIYA, {"perspective_id": 902})
    assert (response.status_code, response.get_json()["error"]) == (501, "unsupported_perspective")
    for word in ("902", "Strange", "moon", '"is"'):
        assert word in response.get_json()["message"]
    wrong = {"position": 1, "field": "queue", "operator": "is", "value": "true"}
    with (
        shop.add_row("perspectives", id=904, name="Odd", owner_id=1),
        shop.add_row("perspective_conditions", "perspective_id", perspective_id=904, **wrong),
    ):
        assert shop.ask(PRIYA, {"perspective_id": 904}).get_json()["message"] == (
            'perspective 904 "Odd" has a condition on "queue" with operator "is" and a value that is not supported: '
            "must be a name (text) or an id (whole number)."
        )
    with shop.add_row("perspectives", id=903, name="Ghost", owner_id=1, impersonate_user_id=777):
        assert shop.ask(PRIYA, {"perspective_id": 903}).status_code == 501


def test_criteria_narrow_the_perspective(shop: Shop) -> None:
    criteria = [{"mode": "subject", "tokens": ["CARBON", "marathon"]}]
    rows = shop.list_rows(PRIYA, {"perspective_id": 3, **search(criteria=criteria)})
    assert rows
    assert rows[0]["ticket_id"] == 1
    assert all("carbon" in row["subject"].lower() for row in rows)


@pytest.mark.parametrize("settings", [{}, {"freshness": "ttl"}, {"cache_ttl_seconds": 0}])
def test_the_time_of_the_newest_transaction_that_the_rows_show_is_told(shop: Shop, settings: dict[str, Any]) -> None:
    asked = open_shop(shop.pair, **settings)
    for row_limit in (3, 4):  # another question each time, which no entry of the cache answers
        shop.pair.primary.execute("CREATE TABLE moment (); DROP TABLE moment")
        [(newest,)] = shop.pair.standby.execute(
            "SELECT to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        )
        for _ in "12":
            assert asked.ask(PRIYA, {"row_limit": row_limit}).headers["X-Data-As-Of"] == newest


def test_an_answer_is_no_larger_than_asked_for(shop: Shop) -> None:
    response = shop.ask(TOM)
    assert len(json.loads(response.data)["data"]) == 100
    assert (response.headers["X-Row-Count"], response.headers["X-Truncated"]) == ("100", "true")


def test_the_reader_may_do_all_that_the_service_does(shop_pair: Pair) -> None:
    [(is_superuser,)] = shop_pair.standby.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (READER,))
    assert not is_superuser
