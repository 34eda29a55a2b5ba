"""Connections of clients through gunicorn: slow ones, silent ones, idle ones, and more than there may be."""

import contextlib
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.callers import ASSET, HEAD, check_answers, connect, count
from tests.support.hasty import HASTY, REQUEST_SECONDS
from tests.support.running import COMMAND, SECONDS, Running, wait_until
from tests.support.shop import PATH, PRIYA

BOUND = 20
KEEPALIVE_SECONDS = 2
LATE_SECONDS = 8.0  # on a slow machine; less than the limits of production


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A worker with few connections, and little patience with clients."""
    log = tmp_path_factory.mktemp("connections") / "log"
    bound = ("--worker-connections", str(BOUND))
    settings = {"TICKITI_KEEPALIVE_SECONDS": str(KEEPALIVE_SECONDS)}
    started = Running(shop_pair.standby.url_for(READER), log, *HASTY, *bound, **settings)
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


@pytest.fixture
def patient(shop_pair: Pair, tmp_path: Path) -> Iterator[Running]:
    """A worker with few connections, and as much patience with clients as in production."""
    bound = ("--worker-connections", str(BOUND))
    started = Running(shop_pair.standby.url_for(READER), tmp_path / "log", *bound)
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def receive_all(link: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := link.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(
    "sent",
    [
        "P",
        f"{HEAD}X: ",
        f"{HEAD}Content-Length: 100\r\n\r\n",
        f"{HEAD}Content-Length: 100\r\n\r\n {{",
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{{",
    ],
    ids=["a byte", "half a head", "no body", "half a body", "half a chunk"],
)
def test_a_request_that_is_too_slow_is_a_408(running: Running, sent: str) -> None:
    counter = 'tickiti_query_requests_total{cache="",error="request_timeout",perspective="none",status="408"}'
    before = count(running, counter)
    with connect(running.port) as [link]:
        began = time.monotonic()
        link.sendall(sent.encode())
        head, _, body = receive_all(link).partition(b"\r\n\r\n")
    assert REQUEST_SECONDS - 0.1 < time.monotonic() - began < REQUEST_SECONDS + LATE_SECONDS
    assert head.lower().startswith(b"http/1.1 408 request timeout\r\n")
    assert b"\r\nConnection: close" in head
    assert b"\r\nX-Request-ID: " in head
    answer = json.loads(body)
    assert (answer["ok"], answer["error"]) == (False, "request_timeout")
    assert count(running, counter) - before == 1


def test_a_connection_without_a_byte_is_closed_without_an_answer(running: Running) -> None:
    with connect(running.port) as [link]:
        began = time.monotonic()
        assert receive_all(link) == b""
        assert REQUEST_SECONDS - 0.1 < time.monotonic() - began < REQUEST_SECONDS + LATE_SECONDS


def test_an_idle_connection_is_closed_without_an_answer_when_its_time_is_over(running: Running) -> None:
    with connect(running.port) as [link]:
        link.sendall(f"{HEAD}Content-Length: 0\r\n\r\n".encode())
        assert link.recv(12) == b"HTTP/1.1 200"
        began = time.monotonic()
        assert receive_all(link).count(b"HTTP/1.1") == 0
        assert KEEPALIVE_SECONDS - 0.1 < time.monotonic() - began < KEEPALIVE_SECONDS + LATE_SECONDS


def test_at_the_bound_the_longest_idle_connection_makes_room(patient: Running) -> None:
    before = count(patient, 'tickiti_query_cut_connections_total{what="idle"}')
    with connect(patient.port, BOUND) as links:
        for link in links:
            link.sendall(f"{HEAD}Content-Length: 0\r\n\r\n".encode())
            assert link.recv(12) == b"HTTP/1.1 200"
        with connect(patient.port) as [newcomer]:
            newcomer.sendall(f"{HEAD}Content-Length: 0\r\n\r\n".encode())
            assert newcomer.recv(12) == b"HTTP/1.1 200"
        receive_all(links[0])  # to its end
        links[-1].sendall(f"{HEAD}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        assert b"HTTP/1.1 200" in receive_all(links[-1])
    assert count(patient, 'tickiti_query_cut_connections_total{what="idle"}') - before == 1


def test_silent_connections_keep_nobody_out(running: Running) -> None:
    with connect(running.port, 3 * BOUND):
        check_answers(running)


def test_at_the_bound_without_an_idle_connection_a_newcomer_is_told_and_probes_answer(
    patient: Running,
) -> None:
    def is_refused() -> bool:
        with connect(patient.port) as [newcomer]:
            newcomer.sendall(f"{HEAD}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            answer = receive_all(newcomer)
        if answer.startswith(b"HTTP/1.1 200"):  # the last of the busy ones is not there yet
            return False
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "overloaded"
        return True

    with connect(patient.port, BOUND, receive_bytes=4096) as links:
        for link in links:
            link.sendall(f"GET {ASSET} HTTP/1.1\r\nHost: h\r\n\r\n".encode() * 10)
        wait_until(is_refused)
        for path in ("/livez", "/readyz", "/metrics"):
            link_ = http.client.HTTPConnection("127.0.0.1", patient.admin_port, timeout=SECONDS)
            with contextlib.closing(link_):
                link_.request("GET", path)
                assert link_.getresponse().status == 200
        assert count(patient, 'tickiti_query_shed_total{where="connections"}') >= 1


def test_ten_thousand_connections_one_after_the_other_leave_nothing_behind(running: Running) -> None:
    [worker] = running.list_workers()

    def ask_often(times: int) -> int:
        for _ in range(times):
            with connect(running.port) as [link]:
                link.sendall(b"GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                assert link.recv(12) == b"HTTP/1.1 404"
        return len(list(Path(f"/proc/{worker}/fd").iterdir()))

    before = ask_often(20)
    wait_until(lambda: ask_often(200) <= before + 2)


@pytest.mark.parametrize("worker", ["gthread", "tickiti_query.server.gunicorn_worker.Worker"])
@pytest.mark.parametrize("how", ["argument", "variable"])
def test_it_starts_with_either_worker(shop_pair: Pair, tmp_path: Path, worker: str, how: str) -> None:
    arguments = ("-k", worker) if how == "argument" else ()
    variables = {"GUNICORN_CMD_ARGS": f"-k {worker}"} if how == "variable" else {}
    running = Running(shop_pair.standby.url_for(READER), tmp_path / "log", *arguments, **variables)
    try:
        wait_until(running.is_up)
        for _ in range(3):
            assert running.ask(PRIYA)[0] == 200
        assert running.ask("wrong")[0] == 401
        assert running.get("/nowhere")[0] == 404
        assert running.get("/livez", port=running.admin_port) == (200, {"ok": True})
        with connect(running.port) as [link]:
            link.sendall(f"POST {PATH} HTTP/1.1\r\n\r\n".encode())
            assert receive_all(link).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(SECONDS) == 0
        log = running.read_log()
        assert worker in log
        assert "unforeseen" not in log
    finally:
        running.end()


def test_the_soft_limit_of_open_files_is_raised(shop_pair: Pair, tmp_path: Path) -> None:
    command = ["bash", "-c", 'ulimit -S -n 100; exec "$0" "$@"', *COMMAND]
    running = Running(shop_pair.standby.url_for(READER), tmp_path / "log", command=command)
    try:
        wait_until(running.is_up)
        [worker] = running.list_workers()
        limits = Path(f"/proc/{worker}/limits").read_text("ascii")
        [line] = [line for line in limits.splitlines() if line.startswith("Max open files")]
        assert int(line.split()[3]) > 100
        with connect(running.port, 300):
            check_answers(running)
    finally:
        running.end()
