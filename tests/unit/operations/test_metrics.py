"""The counts for an answer, and the number of names for perspectives."""

import itertools
import math
from collections.abc import Callable

import pytest

from tests.support.metrics_page import Page
from tickiti_query.model.request import RequestTrace
from tickiti_query.operations import metrics

NEW_IDS = itertools.count(10**6)


def read_page() -> Page:
    return Page(metrics.render_metrics().decode())


def measure(work: Callable[[], None], name: str, **labels: str) -> float:
    """By how much `work` moves the sum of these samples."""
    before = read_page().sum(name, **labels)
    work()
    return read_page().sum(name, **labels) - before


@pytest.fixture(autouse=True)
def _room_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_names", {})


def make_hit(perspective_id: int) -> RequestTrace:
    stages = [("cache", 0.0), ("auth", 0.001), (None, 0.001001)]
    return RequestTrace(perspective_id=perspective_id, rows=40, cache="hit", stages=stages)


def make_miss(perspective_id: int) -> RequestTrace:
    stages = [("cache", 0.0), ("auth", 0.001), ("sql", 0.003), ("render", 0.253), (None, 0.256)]
    return RequestTrace(perspective_id=perspective_id, rows=40, cache="miss", stages=stages)


def test_a_hit_costs_the_replica_no_rows() -> None:
    number = next(NEW_IDS)
    before = read_page()
    metrics.observe_request(200, 0.004, make_hit(number))
    page, label = read_page(), str(number)
    assert page.sum("requests_total", perspective=label, status="200", cache="hit", error="") == 1
    assert page.sum("request_seconds_sum", perspective=label) == pytest.approx(0.004)
    assert page.sum("rows_returned_total", perspective=label) == 40
    assert page.sum("rows_read_total", perspective=label) == 0
    assert page.sum("sql_seconds_total", perspective=label) == 0
    grown = {
        phase: page.sum("phase_seconds_count", phase=phase) - before.sum("phase_seconds_count", phase=phase)
        for phase in ("auth", "proof", "sql", "render")
    }
    assert grown == {"auth": 0, "proof": 1, "sql": 0, "render": 0}


def test_a_miss_is_counted_with_all_its_parts() -> None:
    number = next(NEW_IDS)
    before = read_page()
    metrics.observe_request(200, 0.26, make_miss(number))
    page, label = read_page(), str(number)
    assert page.sum("rows_returned_total", perspective=label) == 40
    assert page.sum("rows_read_total", perspective=label) == 40
    assert page.sum("sql_seconds_total", perspective=label) == pytest.approx(0.25)
    grown = {
        phase: page.sum("phase_seconds_sum", phase=phase) - before.sum("phase_seconds_sum", phase=phase)
        for phase in ("auth", "proof", "sql", "render")
    }
    assert grown == pytest.approx({"auth": 0.002, "proof": 0.001, "sql": 0.25, "render": 0.003})


def test_a_statement_that_ran_out_of_time_has_cost_time_and_read_no_rows() -> None:
    number = next(NEW_IDS)
    trace = RequestTrace(
        perspective_id=number,
        cache="miss",
        error="query_timeout",
        stages=[("auth", 0.0), (None, 0.001), ("sql", 1.0), (None, 6.0)],
    )
    metrics.observe_request(504, 5.1, trace)
    page, label = read_page(), str(number)
    assert page.sum("requests_total", perspective=label, status="504", error="query_timeout") == 1
    assert page.sum("sql_seconds_total", perspective=label) == 5.0
    assert page.sum("rows_read_total", perspective=label) == 0
    assert page.sum("rows_returned_total", perspective=label) == 0


def test_who_was_not_let_in_reached_no_perspective() -> None:
    refused = RequestTrace(error="unauthenticated", stages=[("cache", 0.0), (None, 0.001)])
    assert (
        measure(
            lambda: metrics.observe_request(401, 0.001, refused),
            "requests_total",
            status="401",
            error="unauthenticated",
            perspective="none",
        )
        == 1
    )


def test_the_all_without_an_id_has_a_name() -> None:
    trace = RequestTrace(rows=0, cache="miss")
    assert measure(lambda: metrics.observe_request(200, 0.1, trace), "requests_total", perspective="all") == 1


def test_perspectives_beyond_the_bound_share_a_name() -> None:
    numbers = [next(NEW_IDS) for _ in range(3 * metrics.PERSPECTIVES_NAMED)]

    def ask_all_twice() -> None:
        for number in (*numbers, *numbers):
            metrics.observe_request(200, 0.1, make_hit(number))

    others = 2 * (len(numbers) - metrics.PERSPECTIVES_NAMED)
    assert measure(ask_all_twice, "requests_total", perspective="other") == others
    named = read_page().find_labels("requests_total", "perspective") & set(map(str, numbers))
    assert named == set(map(str, numbers[: metrics.PERSPECTIVES_NAMED]))


@pytest.mark.parametrize("lag", [0.5, math.inf])
def test_a_page_tells_the_last_lag_and_one_without_a_bound_as_infinite(lag: float) -> None:
    metrics.REPLICA_LAG.set(lag)
    metrics.REPLICA_VERSION.set(18)
    assert list(read_page().list_values("replica_lag_seconds")) == [lag]
    assert list(read_page().list_values("replica_major_version")) == [18]


def test_before_the_first_reading_there_is_no_good_news() -> None:
    metrics.REPLICA_LAG.set(math.nan)
    assert math.isnan(*read_page().list_values("replica_lag_seconds"))


def test_events_of_the_cache_are_counted_once_however_often_a_page_is_asked_for() -> None:
    cache_events, events = metrics.CacheEvents(), {"hit": 3, "miss": 1}
    before = read_page().sum("cache_events_total", event="hit")
    for held_bytes in (10, 20):
        cache_events.count(events)
        metrics.CACHE_BYTES.set(held_bytes)
        assert read_page().sum("cache_events_total", event="hit") - before == 3
        assert list(read_page().list_values("cache_bytes")) == [held_bytes]
    cache_events.count({"hit": 5, "miss": 1, "evict": 2})
    assert read_page().sum("cache_events_total", event="hit") - before == 5


def test_the_requests_that_wait_for_a_slot_and_the_bytes_under_way_are_told() -> None:
    for waiting, answer_bytes in ((3, 4096), (0, 0)):
        metrics.SLOT_WAITING.set(waiting)
        metrics.ANSWER_BYTES.set(answer_bytes)
        assert list(read_page().list_values("slot_waiting")) == [waiting]
        assert list(read_page().list_values("answer_bytes")) == [answer_bytes]


def test_a_check_that_was_not_made_is_neither_well_nor_failed() -> None:
    metrics.observe_checks({"replica": "ok", "standby": "It is none.", "lag": "unknown"})
    page = read_page()
    assert list(page.list_values("ready", check="replica")) == [1]
    assert list(page.list_values("ready", check="standby")) == [0]
    assert math.isnan(*page.list_values("ready", check="lag"))
