"""Probes beside a replica that is late, lost, frozen or not there yet: out of service, and no restart."""

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER, create_reader, create_schema
from demo.pair import Pair
from tests.support.gate import PATIENT, closed_gate
from tests.support.metrics_page import scrape
from tests.support.processes import list_children
from tests.support.running import SECONDS, Running, wait_until
from tests.support.servers import crash, pause_replay, resume_replay
from tests.support.shop import PRIYA, READY, TOM

PROBE_SECONDS = 7  # what the manifests give to one of readiness


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair that these tests may break."""
    with Pair.create(tmp_path_factory.mktemp("own") / "pair") as own:
        with contextlib.closing(own.primary.connect()) as connection:
            create_schema(connection)
            create_reader(connection)
        own.wait_replayed()
        yield own


@pytest.fixture(scope="module")
def running(own: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("probes") / "log"
    started = Running(own.standby.url_for(READER), log, TICKITI_MAX_REPLICA_LAG_SECONDS="1")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def probe(running: Running, path: str) -> tuple[int, Any]:
    return running.get(path, port=running.admin_port)


def fails(running: Running, check: str) -> bool:
    """Return whether readiness is a 503 that names this check and no other."""
    status, body = probe(running, "/readyz")
    failing = [name for name, word in body["checks"].items() if word not in {"ok", "unknown"}]
    return status == 503 and failing == [check]


@contextlib.contextmanager
def watch_lives(running: Running) -> Iterator[None]:
    """The workers at the end are those of the beginning, and say that they live."""
    workers = list_children(running.process.pid)
    yield
    assert probe(running, "/livez") == (200, {"ok": True})
    assert list_children(running.process.pid) == workers


def test_a_start_without_a_replica_becomes_ready_when_it_comes(own: Pair, tmp_path: Path) -> None:
    own.standby.stop()
    running = Running(own.standby.url_for(READER), tmp_path / "log", TICKITI_WORKERS="1")
    try:
        wait_until(lambda: running.can_get("/livez"))
        with watch_lives(running):
            assert fails(running, "replica")
            assert math.isnan(*scrape(running).list_values("replica_lag_seconds"))
            assert running.ask(PRIYA)[0] == 503
            own.start()
            wait_until(running.is_up)
            assert probe(running, "/readyz") == (200, {"ok": True, "checks": READY})
            assert running.ask(PRIYA)[0] == 401
    finally:
        own.start()
        running.end()


def test_a_lost_replica_takes_the_pod_out_until_it_is_back(own: Pair, running: Running) -> None:
    with watch_lives(running):
        crash(own.standby)
        try:
            assert fails(running, "replica")
            assert scrape(running).sum("ready", check="replica") == 0
            assert running.ask(PRIYA)[1]["error"] == "replica_unavailable"
        finally:
            own.start()
        wait_until(running.is_up)
        assert scrape(running).sum("ready", check="replica") == 1


def test_a_late_replica_takes_the_pod_out_until_it_has_caught_up(own: Pair, running: Running) -> None:
    with watch_lives(running):
        pause_replay(own)
        try:
            with contextlib.closing(own.primary.connect(options="-c synchronous_commit=local")) as writer:
                writer.cursor().execute("CREATE TABLE late ()")
            wait_until(lambda: fails(running, "lag"))
            wait_until(lambda: probe_lag(running) > 1)
            # Each worker has a bound of its own: one may know that a second ago all was well.
            wait_until(lambda: running.ask(PRIYA)[1]["error"] == "replica_unavailable")
        finally:
            resume_replay(own)
        own.wait_replayed()
        wait_until(running.is_up)
        own.primary.execute("DROP TABLE late")


def probe_lag(running: Running) -> float:
    probe(running, "/readyz")
    return scrape(running).sum("replica_lag_seconds")


@pytest.mark.alone  # time is measured
def test_a_frozen_replica_is_found_so_in_the_time_of_a_probe(own: Pair, running: Running) -> None:
    processes = {own.standby.pid, *list_children(own.standby.pid)}
    with watch_lives(running):
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert fails(running, "replica")
            assert time.monotonic() - began < PROBE_SECONDS
            assert probe(running, "/livez")[0] == 200
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        wait_until(running.is_up)


def test_probes_are_answered_while_all_threads_are_busy(shop_pair: Pair, tmp_path: Path) -> None:
    url = shop_pair.standby.url_for(READER)
    running = Running(url, tmp_path / "log", TICKITI_THREADS="2", **PATIENT)
    try:
        wait_until(running.is_up)
        with ThreadPoolExecutor(4) as threads:
            with closed_gate(shop_pair):
                # Two of them, for one alone has half of the places.
                asked = [
                    threads.submit(running.ask, token, f'{{"row_limit": {n}}}')
                    for token in (PRIYA, TOM)
                    for n in (1, 2)
                ]
                wait_until(lambda: scrape(running).sum("pool_connections_in_use") == 2)
                assert probe(running, "/livez")[0] == 200
                assert probe(running, "/readyz") == (200, {"ok": True, "checks": READY})
            assert {answer.result(SECONDS)[0] for answer in asked} <= {200, 503}  # 503: has waited for a second
    finally:
        running.end()
