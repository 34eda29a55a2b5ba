"""Statements that every request asks are prepared once a connection, and survive a change of the schema."""

from tests.shop import PRIYA, Shop, open_shop
from tickiti_query.demo.pair import Pair

BODY = {"perspective_id": 3}


def test_a_column_that_changes_its_type_does_not_poison_the_connections(shop_pair: Pair) -> None:
    uncached: Shop = open_shop(shop_pair, cache_ttl_seconds=0)
    expected = uncached.list_rows(PRIYA, BODY)
    try:
        shop_pair.primary.execute("ALTER TABLE reporting.perspectives ALTER COLUMN name TYPE varchar(200)")
        assert uncached.list_rows(PRIYA, BODY) == expected
    finally:
        shop_pair.primary.execute("ALTER TABLE reporting.perspectives ALTER COLUMN name TYPE text")
    assert uncached.list_rows(PRIYA, BODY) == expected


def test_a_column_that_goes_and_comes_back_is_a_503_and_over(shop_pair: Pair) -> None:
    uncached: Shop = open_shop(shop_pair, cache_ttl_seconds=0)
    expected = uncached.list_rows(PRIYA, BODY)
    rename = "ALTER TABLE reporting.personal_access_tokens RENAME COLUMN {} TO {}"
    try:
        shop_pair.primary.execute(rename.format("abilities", "talents"))
        assert uncached.ask(PRIYA, BODY).status_code == 503
    finally:
        shop_pair.primary.execute(rename.format("talents", "abilities"))
    assert uncached.list_rows(PRIYA, BODY) == expected
