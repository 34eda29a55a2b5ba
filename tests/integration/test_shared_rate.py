"""The rate limit of two gunicorn workers that share a real Redis, and what becomes of it when that freezes."""

import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.running import SECONDS, Running, find_free_port, wait_until
from tests.support.shop import MARCUS, PRIYA

REDIS = shutil.which("redis-server")
LIMIT = 10

pytestmark = pytest.mark.skipif(REDIS is None, reason="no redis-server: no shared rate limit was tried")


class Redis:
    """A server of this test's own, which keeps nothing."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [str(REDIS), "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""],
            stdout=subprocess.DEVNULL,
        )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    started = Redis()
    yield started
    started.end()


@pytest.fixture(scope="module")
def running(shop_pair: Pair, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(
        shop_pair.standby.url_for(READER),
        tmp_path_factory.mktemp("shared") / "log",
        TICKITI_RATE_LIMIT=f"{LIMIT}/hour",
        TICKITI_RATE_LIMIT_STORAGE=redis.url,
    )
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def count_faults(running: Running) -> float:
    url = f"http://127.0.0.1:{running.admin_port}/metrics"
    with urllib.request.urlopen(url, timeout=SECONDS) as response:
        page = response.read().decode()
    return float(re.search(r"^tickiti_query_rate_limit_store_faults_total (\S+)$", page, re.MULTILINE)[1])  # type: ignore[index]


def test_the_limit_is_exact_over_workers(running: Running) -> None:
    statuses = [running.ask(PRIYA)[0] for _ in range(2 * LIMIT)]
    assert statuses == [200] * LIMIT + [429] * LIMIT


def test_a_store_that_freezes_holds_up_nobody_and_counts_again_when_it_is_back(running: Running, redis: Redis) -> None:
    for _ in range(LIMIT + 1):
        status = running.ask(MARCUS)[0]
    assert status == 429
    redis.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert running.ask(MARCUS)[0] == 200
        assert time.monotonic() - began < 10
    finally:
        redis.process.send_signal(signal.SIGCONT)
    assert count_faults(running) >= 1
    assert "each worker counts for itself" in running.read_log()
    assert str(redis.port) not in running.read_log()
    wait_until(lambda: [running.ask(MARCUS)[0] for _ in range(4)] == [429] * 4)
