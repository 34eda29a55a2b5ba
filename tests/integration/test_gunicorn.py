"""The service as it runs elsewhere: real gunicorn, its own configuration, sockets and signals."""

import contextlib
import http.client
import json
import re
import select
import signal
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.gate import PATIENT, closed_gate, count_sleeping
from tests.support.running import COMMAND, ROOT, SECONDS, Running, build_environment, find_free_port, wait_until
from tests.support.shop import PATH, PRIYA


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(shop_pair.standby.url_for(READER), tmp_path_factory.mktemp("gunicorn") / "log")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def test_it_answers(running: Running) -> None:
    status, body = running.ask(PRIYA, '{"perspective_id": 3}')
    assert (status, body["data"][0]["number"]) == (200, 220009)
    assert running.ask("wrong")[0] == 401
    assert running.request("POST", PATH, token=PRIYA)[0] == 200


def test_many_threads_are_answered_at_once(running: Running) -> None:
    bodies = [json.dumps({"row_limit": limit}) for limit in range(1, 41)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda body: running.ask(PRIYA, body), bodies))
    assert [(status, len(body["data"])) for status, body in answers] == [(200, limit) for limit in range(1, 41)]


def test_an_operations_port_that_somebody_has_stops_the_start(running: Running) -> None:
    taken = f"127.0.0.1:{running.admin_port}"
    settings = build_environment(
        TICKITI_REPLICA_URL="postgresql://nowhere",
        TICKITI_BIND=f"127.0.0.1:{find_free_port()}",
        TICKITI_ADMIN_BIND=taken,
    )
    ran = subprocess.run(COMMAND, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 1
    assert f"tickiti-query cannot start:\n  TICKITI_ADMIN_BIND {taken}: Address already in use\n" in ran.stderr
    assert "Traceback" not in ran.stderr


MOST_DESCRIPTORS = 80


def test_a_worker_that_has_no_descriptor_left_serves_those_who_are_there(shop_pair: Pair, tmp_path: Path) -> None:
    running = Running(
        *(shop_pair.standby.url_for(READER), tmp_path / "log"),
        command=["bash", "-c", f'ulimit -n {MOST_DESCRIPTORS}; exec "$0" "$@"', *COMMAND],
        TICKITI_WORKERS="1",
    )
    try:
        wait_until(running.is_up)
        workers = running.list_workers()
        kept = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)
        with contextlib.closing(kept), contextlib.ExitStack() as opened:
            address = ("127.0.0.1", running.port)
            links = [opened.enter_context(socket.create_connection(address, SECONDS)) for _ in range(100)]
            # It has no room for more of them than these, and so the others have been told or closed.
            wait_until(lambda: len(select.select(links, [], [], 0)[0]) >= len(links) - MOST_DESCRIPTORS)
            assert running.list_workers() == workers
        wait_until(lambda: running.ask(PRIYA)[0] == 200)
        assert running.list_workers() == workers
        assert "unforeseen" not in running.read_log()
    finally:
        running.end()


def test_who_connects_to_the_operations_port_and_says_nothing_is_no_news(running: Running) -> None:
    before = running.read_log()
    with contextlib.ExitStack() as opened:
        for _ in range(100):
            link = opened.enter_context(socket.create_connection(("127.0.0.1", running.admin_port), SECONDS))
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.sendall(b"GET /livez HTTP/1.1\r\n")
    wait_until(lambda: running.can_get("/livez"))
    assert running.read_log() == before


def test_probes_are_on_the_operations_port_and_the_api_is_on_its_own(running: Running) -> None:
    for path in ("/livez", "/readyz"):
        assert running.get(path, port=running.admin_port)[0] == 200
        status, body = running.get(path)
        assert (status, body["error"]) == (404, "not_found")
    assert running.request("POST", PATH, port=running.admin_port, token=PRIYA, body="{}")[0] == 405
    assert running.get("/openapi.json", port=running.admin_port)[0] == 404
    assert running.get("/openapi.json")[0] == 200


def test_counters_are_a_page_that_depends_on_no_file(running: Running) -> None:
    def count(event: str) -> float:
        url = f"http://127.0.0.1:{running.admin_port}/metrics"
        with urllib.request.urlopen(url, timeout=SECONDS) as response:
            page = response.read().decode()
        assert "tickiti_query_cache_bytes" in page
        assert "tickiti_query_flight_waits_total" in page
        found = re.search(rf'^tickiti_query_cache_events_total{{event="{event}"}} (\S+)$', page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = count("hit")
    for _ in range(20):
        assert running.ask(PRIYA)[0] == 200
    # The worker misses at most once; a hit is one of the token and one of the answer.
    assert count("hit") - before >= 2 * 19


def test_the_log_is_json_lines_without_tokens(running: Running) -> None:
    running.ask(PRIYA, '{"row_limit": 47}')
    wait_until(lambda: '"rows":47,' in running.read_log())
    lines = [json.loads(line) for line in running.read_log().splitlines()]
    assert {line["logger"] for line in lines} <= {"gunicorn.error", "tickiti_query.request"}
    assert [line["rows"] for line in lines if line.get("rows") == 47] == [47]
    assert PRIYA.partition("|")[2] not in running.read_log()


def test_a_body_in_chunks_is_read_and_bounded(running: Running) -> None:
    def send(*chunks: bytes) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {PRIYA}"}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)) as link:
            with contextlib.suppress(BrokenPipeError):  # a body that is too long is not waited for
                link.request("POST", PATH, iter(chunks), headers, encode_chunked=True)
            response = link.getresponse()
            return response.status, json.loads(response.read())

    status, body = send(b'{"row_', b'limit": 2}')
    assert (status, len(body["data"])) == (200, 2)
    query = b'{"row_limit": 2}'
    for size, expected in ((64 * 1024, 200), (64 * 1024 + 1, 413), (1024 * 1024, 413)):
        assert send(query, b" " * (size - len(query)))[0] == expected


def test_a_request_in_flight_is_answered_before_it_ends(shop_pair: Pair, tmp_path: Path) -> None:
    running = Running(shop_pair.standby.url_for(READER), tmp_path / "log", **PATIENT)
    try:
        wait_until(running.is_up)
        with ThreadPoolExecutor(1) as threads, closed_gate(shop_pair) as open_gate:
            answer = threads.submit(running.ask, PRIYA)
            wait_until(lambda: count_sleeping(shop_pair) == 1)
            running.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "Handling signal: term" in running.read_log())
            open_gate()
            opened = time.monotonic()
            assert answer.result(SECONDS)[0] == 200
        assert running.process.wait(SECONDS) == 0
        assert time.monotonic() - opened < 15  # by itself: the time for a graceful stop is 20 s
    finally:
        running.end()


def test_without_a_replica_it_starts_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    running = Running("postgresql://nobody@127.0.0.1:1/x", tmp_path / "log", TICKITI_WORKERS="1")
    try:
        wait_until(lambda: running.can_get("/livez"))
        assert running.get("/readyz", port=running.admin_port)[0] == 503
        assert running.ask(PRIYA)[0] == 503
    finally:
        running.end()


def test_faulty_settings_are_one_message_and_no_start() -> None:
    environment = build_environment(
        TICKITI_REPLICA_URL="mysql://u:hunter2@h/x", TICKITI_WORKERS="many", TICKITI_LOG_LEVEL="loud"
    )
    ended = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 1
    output = ended.stdout + ended.stderr
    assert output.count("tickiti-query cannot start:") == 1
    for variable in ("TICKITI_REPLICA_URL", "TICKITI_WORKERS", "TICKITI_LOG_LEVEL"):
        assert output.count(f"  {variable} ") == 1
    assert "Traceback" not in output
    assert "hunter2" not in output
