"""More than there is room for, through gunicorn: slow clients, a slow replica, one caller that asks for everything."""

import contextlib
import http.client
import json
import selectors
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.callers import ASSET, HEAD, SOON_SECONDS, Told, ask, check_answers, connect, count
from tests.support.hasty import HASTY
from tests.support.running import SECONDS, Running, wait_until
from tests.support.shop import MARCUS, PRIYA, lock_relation

pytestmark = pytest.mark.alone  # time is measured

THREADS = 2
SLOW_CLIENTS = 40
HEAVY = {"search_object": {"criteria": [{"mode": "content", "tokens": ["carbon"]}]}}


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One worker with two threads, and little patience with clients."""
    few = {"TICKITI_WORKERS": "1", "TICKITI_THREADS": str(THREADS)}
    log = tmp_path_factory.mktemp("load") / "log"
    started = Running(shop_pair.standby.url_for(READER), log, *HASTY, **few)
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def ask_at_once(port: int, token: str, bodies: list[Any]) -> list[Told]:
    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(lambda body: ask(port, token, body), bodies))


def wait_closed(links: list[socket.socket], seconds: float) -> None:
    """Every connection is closed by the other side within this time; what comes before is thrown away."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for link in links:
            selector.register(link, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            assert ready, "a connection is still open"
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                with contextlib.suppress(ConnectionResetError):
                    if key.fileobj.recv(1 << 20):
                        continue
                selector.unregister(key.fileobj)


@pytest.fixture
def patient(shop_pair: Pair, tmp_path: Path) -> Iterator[Running]:
    """A worker with as much patience with clients as in production."""
    started = Running(shop_pair.standby.url_for(READER), tmp_path / "log")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


@contextlib.contextmanager
def trickle(links: list[socket.socket], data: bytes) -> Iterator[None]:
    """Send a byte now and then on each connection, as long as the block runs."""
    ended = threading.Event()

    def send() -> None:
        for place in range(len(data)):
            for link in links:
                with contextlib.suppress(OSError):
                    link.send(data[place : place + 1])
            if ended.wait(0.1):
                return

    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(send)
        try:
            yield
        finally:
            ended.set()
            sending.result(SECONDS)


@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [
        ("", ""),
        ("", HEAD),
        (f"{HEAD}X: ", "x" * 1000),
        (f"{HEAD}Content-Length: 1000\r\n\r\n", " " * 1000),
        (f"{HEAD}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n", " " * 1000),
        (f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n" * 200),
    ],
    ids=["half-open", "slow head", "endless header", "slow body", "expecting", "slow chunks"],
)
def test_clients_that_send_slowly_take_no_thread_and_are_cut(running: Running, at_once: str, slowly: str) -> None:
    counter = 'tickiti_query_cut_connections_total{what="request"}'
    before = count(running, counter)
    with connect(running.port, SLOW_CLIENTS) as links:
        for link in links:
            link.sendall(at_once.encode())
        with trickle(links, slowly.encode()):
            check_answers(running)
            wait_closed(links, SECONDS)
    assert count(running, counter) - before == SLOW_CLIENTS


def test_clients_that_read_slowly_take_no_thread_and_are_cut(running: Running) -> None:
    counter = 'tickiti_query_cut_connections_total{what="answer"}'
    before = count(running, counter)
    with connect(running.port, SLOW_CLIENTS, receive_bytes=4096) as links:
        for link in links:
            link.sendall(f"GET {ASSET} HTTP/1.1\r\nHost: h\r\n\r\n".encode() * 10)
        for link in links:
            link.recv(1)  # until its answer has begun it is a new request, and no slow client
        check_answers(running)
        wait_until(lambda: count(running, counter) - before == SLOW_CLIENTS)
        check_answers(running)


def read_answer(stream: BufferedReader) -> bytes:
    """The body of the next answer, which is a 200."""
    assert stream.readline().split()[1] == b"200"
    length = int(http.client.parse_headers(stream)["Content-Length"])
    return b"".join(stream.read(min(50_000, length - start)) for start in range(0, length, 50_000))


def test_clients_that_read_slowly_but_in_time_get_every_byte_in_order(patient: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{patient.port}{ASSET}", timeout=SECONDS) as response:
        wanted = response.read()
    with connect(patient.port, receive_bytes=4096) as [link], link.makefile("rb") as stream:
        link.sendall(f"GET {ASSET} HTTP/1.1\r\nHost: h\r\n\r\n".encode() * 2)
        assert [read_answer(stream) == wanted for _ in range(2)] == [True, True]


def test_clients_that_do_not_close_hold_up_nobody(running: Running) -> None:
    with connect(running.port, SLOW_CLIENTS) as links:
        for link in links:
            link.sendall(f"{HEAD}Connection: close\r\n\r\n".encode())
        check_answers(running)
        wait_closed(links, SECONDS)


def test_requests_on_one_connection_are_answered_in_their_order(running: Running) -> None:
    bodies = [f'{{"row_limit": {limit}}}' for limit in (1, 2, 3)]
    with connect(running.port) as [link], link.makefile("rb") as stream:
        link.sendall("".join(f"{HEAD}Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies).encode())
        assert [len(json.loads(read_answer(stream))["data"]) for _ in bodies] == [1, 2, 3]


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /x HTTP/1.1\r\nBad Name: x\r\n\r\n",
        b"GET /x HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_gunicorns_to_refuse(running: Running, sent: bytes) -> None:
    with connect(running.port) as [link]:
        link.sendall(sent)
        assert link.recv(12) == b"HTTP/1.1 400"


# A slow replica --------------------------------------------------------------------------------------------


def test_one_callers_heavy_questions_leave_room_for_others_and_for_hits(running: Running, shop_pair: Pair) -> None:
    with lock_relation(shop_pair, "responses"), ThreadPoolExecutor(1) as threads:
        before = count(running, 'tickiti_query_shed_total{where="replica"}')
        heavy = threads.submit(
            ask_at_once, running.port, PRIYA, [{**HEAVY, "row_limit": limit} for limit in range(1, 81)]
        )
        wait_until(lambda: count(running, 'tickiti_query_shed_total{where="replica"}') > before)
        light = [ask(running.port, MARCUS, {"row_limit": limit}) for limit in (7, 8, 8, 8)]
        told = heavy.result(SECONDS)
    assert [answer.status for answer in light] == [200] * 4
    assert [answer.headers["Cache-Status"].split(";")[1] for answer in light[2:]] == [" hit"] * 2
    # Without the limits they would wait for as long as a request may take, which is 10 s.
    assert max(answer.seconds for answer in light) < SOON_SECONDS
    check_shed(told, slowest_seconds=8)
    assert {answer.status for answer in told} == {503, 504}
    # What is accepted waits a second for a place, and a second for the lock.
    assert max(answer.seconds for answer in told) < 9


def check_shed(told: list[Told], slowest_seconds: float) -> None:
    """Those that were refused know when to come back, and did not wait for it."""
    shed = [answer for answer in told if answer.error == "overloaded"]
    assert shed
    assert {(answer.status, answer.headers["Retry-After"]) for answer in shed} == {(503, "1")}
    assert max(answer.seconds for answer in shed) < slowest_seconds
    assert all(answer.headers["X-Request-ID"] for answer in shed)


def test_with_a_silent_replica_every_request_is_refused_in_time_and_probes_answer(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/x"
        running = Running(url, tmp_path / "log", TICKITI_THREADS="1")
        try:
            wait_until(lambda: running.can_get("/livez"))
            with ThreadPoolExecutor(1) as threads:
                asked = threads.submit(
                    ask_at_once, running.port, PRIYA, [{"row_limit": limit} for limit in range(1, 31)]
                )
                while not asked.done():
                    began = time.monotonic()
                    assert running.can_get("/livez")
                    assert time.monotonic() - began < SOON_SECONDS
                told = asked.result()
            assert {(answer.status, answer.error) for answer in told} == {(503, "replica_unavailable")}
            assert max(answer.seconds for answer in told) < 15
        finally:
            running.end()
