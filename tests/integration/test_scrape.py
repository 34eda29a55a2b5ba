"""The page that Prometheus reads: every request once, without a file, and of each worker by itself."""

import os
import platform
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.gate import PATIENT, closed_gate
from tests.support.metrics_page import scrape
from tests.support.processes import list_children
from tests.support.running import Running, wait_until
from tests.support.shop import BLUNT, PRIYA
from tickiti_query import VERSION
from tickiti_query.operations.health import Readiness


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(shop_pair.standby.url_for(READER), tmp_path_factory.mktemp("metrics") / "log", **PATIENT)
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def test_every_answer_is_counted_once(running: Running) -> None:
    before = scrape(running)
    for token, body in (
        *[(PRIYA, '{"perspective_id": 3}')] * 20,
        (PRIYA, '{"perspective_id": 424242}'),
        (BLUNT, "{}"),
        ("wrong", "{}"),
    ):
        running.ask(token, body)
    page = scrape(running)

    def count(name: str, **labels: str) -> float:
        return page.sum(name, **labels) - before.sum(name, **labels)

    assert count("requests_total") == 23
    assert count("request_seconds_count") == 23
    assert count("requests_total", status="200", perspective="3", error="") == 20
    assert count("requests_total", status="404", perspective="none", error="not_found") == 1
    assert count("requests_total", status="403", error="forbidden") == 1
    assert count("requests_total", status="401", error="unauthenticated") == 1
    misses = count("requests_total", perspective="3", cache="miss")
    assert misses == 1
    assert count("requests_total", perspective="3", cache="hit") == 20 - misses
    assert count("rows_returned_total", perspective="3") * misses == 20 * count("rows_read_total", perspective="3")
    assert count("phase_seconds_count", phase="proof") == 23
    assert count("phase_seconds_count", phase="render") == misses
    assert count("sql_seconds_total", perspective="3") > 0


def test_what_runs_and_what_it_reads_is_said(running: Running) -> None:
    page = scrape(running)
    assert list(page.list_values("build_info", version=VERSION, python=platform.python_version())) == [1]
    assert list(page.list_values("replica_major_version")) == [18]
    assert page.find_labels("ready", "check") == set(Readiness.CHECKS)
    assert set(page.list_values("ready")) == {1}
    (lag,) = page.list_values("replica_lag_seconds")
    assert 0 <= lag < 60
    assert list(page.list_values("slot_waiting")) == [0]


def test_connections_in_use_are_seen_while_a_statement_waits(running: Running, shop_pair: Pair) -> None:
    wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 0)
    with ThreadPoolExecutor(1) as threads, closed_gate(shop_pair):
        threads.submit(running.ask, PRIYA, '{"row_limit": 13}')
        wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 1)
    wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 0)


def test_counters_need_no_directory(shop_pair: Pair, tmp_path: Path) -> None:
    """A directory that prometheus_client would count in is left alone, there or not, and so is the temporary one."""
    variables = {"TMPDIR": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "not there")}
    running = Running(shop_pair.standby.url_for(READER), tmp_path / "log", **variables)
    try:
        wait_until(running.is_up)
        for number in range(1, 4):
            assert running.ask(PRIYA)[0] == 200
            assert scrape(running).sum("requests_total") == number
        workers = list_children(running.process.pid)
        os.kill(workers.pop(), signal.SIGKILL)
        wait_until(lambda: bool(list_children(running.process.pid) - workers) and running.is_up())
        assert running.ask(PRIYA)[0] == 200
        assert [path.name for path in tmp_path.iterdir()] == ["log"]
    finally:
        running.end()


def test_the_page_of_one_of_several_workers_says_which_one_it_is(shop_pair: Pair, tmp_path: Path) -> None:
    running = Running(shop_pair.standby.url_for(READER), tmp_path / "log", TICKITI_WORKERS="2")
    try:
        wait_until(lambda: len(list_children(running.process.pid)) == 2 and running.is_up())
        workers = set(map(str, list_children(running.process.pid)))
        seen: set[str] = set()

        def has_seen_both() -> bool:
            found = scrape(running).find_labels("build_info", "worker")
            assert len(found) == 1
            seen.update(found)
            return seen == workers

        wait_until(has_seen_both)
    finally:
        running.end()


def test_a_worker_that_takes_the_place_of_a_killed_one_counts_anew(running: Running) -> None:
    for limit in range(1, 21):
        assert running.ask(PRIYA, f'{{"row_limit": {limit}}}')[0] == 200
    before, workers = scrape(running), list_children(running.process.pid)
    assert before.sum("cache_bytes") > 0
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: bool(list_children(running.process.pid) - workers) and running.is_up())
    after = scrape(running)
    assert after.sum("requests_total") == 0
    assert after.sum("cache_bytes") == 0
    assert list(after.list_values("build_info", version=VERSION)) == [1]
    assert running.ask(PRIYA)[0] == 200
    assert scrape(running).sum("requests_total") == 1
