"""What Prometheus reads of two workers: every request once, also those of a worker that was killed."""

import os
import platform
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.test_shop_faults import lock_relation
from tests.metrics_page import Page
from tests.running import COMMAND, SECONDS, Running, wait_until
from tests.shop import BLUNT, PRIYA
from tickiti_query import VERSION
from tickiti_query.demo.loading import READER
from tickiti_query.demo.pair import Pair
from tickiti_query.operations.health import Readiness


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(shop_pair.standby.url_for(READER), tmp_path_factory.mktemp("metrics") / "log")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def scrape(running: Running) -> Page:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{running.admin_port}/metrics", timeout=SECONDS
    ) as response:
        return Page(response.read().decode())


def list_children(process: int) -> set[int]:
    return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()))


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
    assert 1 <= misses <= 2
    assert count("requests_total", perspective="3", cache="hit") == 20 - misses
    assert count("rows_returned_total", perspective="3") * misses == 20 * count(
        "rows_read_total", perspective="3"
    )
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
    assert list(page.list_values("pool_waiting")) == [0]


def test_connections_in_use_are_seen_while_a_statement_waits(running: Running, shop_pair: Pair) -> None:
    wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 0)
    with ThreadPoolExecutor(1) as threads, lock_relation(shop_pair):
        threads.submit(running.ask, PRIYA, '{"row_limit": 13}')
        wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 1)
    wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 0)


def list_directories(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith("tickiti-query-")]


def test_what_was_counted_stays_when_the_workers_are_renewed(shop_pair: Pair, tmp_path: Path) -> None:
    """The master's number is known before it starts, so that an earlier one may have left something behind."""
    leave = 'mkdir "$TMPDIR/tickiti-query-$$-left" && exec "$0" "$@"'
    running = Running(
        *(shop_pair.standby.url_for(READER), tmp_path / "log"),
        command=["bash", "-c", leave, *COMMAND],
        TMPDIR=str(tmp_path),
        TICKITI_WORKERS="1",
    )
    try:
        wait_until(running.is_up)
        [counters] = list_directories(tmp_path)
        assert not counters.endswith("-left")
        for _ in range(5):
            running.ask(PRIYA)
        workers = list_children(running.process.pid)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not list_children(running.process.pid) & workers and running.is_up())
        running.ask(PRIYA)
        assert scrape(running).sum("requests_total") == 6
        assert list_directories(tmp_path) == [counters]
    finally:
        running.process.terminate()
        running.process.wait(SECONDS)
        running.end()
    assert list_directories(tmp_path) == []


def test_what_a_killed_worker_counted_stays_and_what_it_held_goes(running: Running) -> None:
    for limit in range(1, 21):
        assert running.ask(PRIYA, f'{{"row_limit": {limit}}}')[0] == 200
    before, workers = scrape(running), list_children(running.process.pid)
    assert before.sum("cache_bytes") > 0
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(list_children(running.process.pid) - workers) == 2 and running.is_up())
    after = scrape(running)
    assert after.sum("requests_total") == before.sum("requests_total")
    assert after.sum("phase_seconds_sum") == pytest.approx(before.sum("phase_seconds_sum"))
    assert after.sum("cache_events_total") == before.sum("cache_events_total")
    assert after.sum("cache_bytes") == 0
    assert list(after.list_values("build_info", version=VERSION)) == [1]
    assert running.ask(PRIYA)[0] == 200
    assert scrape(running).sum("requests_total") == before.sum("requests_total") + 1
