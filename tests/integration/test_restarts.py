"""Restarts under load: through nginx and HAProxy nobody sees one, and without them nobody waits in vain."""

import contextlib
import http.client
import itertools
import json
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.faults.environment import frozen
from tests.support.documents import read_document
from tests.support.gate import PATIENT, closed_gate, count_sleeping, read_through
from tests.support.hasty import LINGERING
from tests.support.processes import has_pending, is_stopped
from tests.support.proxies import PROGRAMS, SEND_AGAIN, Proxy
from tests.support.running import SECONDS, Running, wait_until
from tests.support.shop import MARCUS, PATH, PRIYA, TOM

pytestmark = pytest.mark.alone  # what ends in the same moment as a request comes is a matter of milliseconds

CLIENTS, SLOW_CLIENTS = 8, 4
PAUSE_SECONDS = 0.01
SLOW_SECONDS = 1.2  # longer than a connection is kept by a worker that ends
ANSWER_SECONDS = 30.0
END_SECONDS = 15.0  # longer than slow requests and kept connections take, shorter than the time for a graceful stop
ENOUGH = 300  # answers
ON_WATCHLIST = {"criteria": [{"mode": "watchlist", "tokens": ["1"]}]}

Serve = Callable[..., Running]


@pytest.fixture(scope="module")
def slow_pair(shop_pair: Pair) -> Iterator[Pair]:
    """The shop, in which who asks for a watchlist waits."""
    with read_through(shop_pair, f"pg_sleep({SLOW_SECONDS})", relation="watchlist_tickets"):
        yield shop_pair


@pytest.fixture
def serve(slow_pair: Pair, tmp_path: Path) -> Iterator[Serve]:
    """Starts a service of one worker, on the ports of another that has ended if it is given."""
    few = {"TICKITI_WORKERS": "1", "TICKITI_THREADS": "16"}
    numbers = itertools.count()
    with contextlib.ExitStack() as ends:

        def start(*arguments: str, after: Running | None = None, **settings: str) -> Running:
            ports = {"TICKITI_BIND": after.port, "TICKITI_ADMIN_BIND": after.admin_port} if after else {}
            binds = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
            url, log = slow_pair.standby.url_for(READER), tmp_path / f"log{next(numbers)}"
            running = Running(url, log, *arguments, **few, **binds, **settings)
            ends.callback(running.end)
            wait_until(running.is_up)
            return running

        yield start


@pytest.fixture(
    params=[
        pytest.param(
            name,
            marks=pytest.mark.skipif(program is None, reason=f"no {name}: no restart was seen through its connections"),
        )
        for name, program in PROGRAMS.items()
    ]
)
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Proxy]:
    """Makes a proxy over services."""
    return lambda *services: Proxy(request.param, tmp_path / "proxy", services)


def stop(running: Running) -> None:
    """End a service as a supervisor does; it ends by itself, in time and with nothing to complain of."""
    running.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert running.process.wait(SECONDS) == 0
    assert time.monotonic() - began < END_SECONDS


# Load ------------------------------------------------------------------------------------------------------


def build_headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


class Client(threading.Thread):
    """Asks one question after the other, on a connection that it keeps, and none twice; `seen` gets what came of each.

    That is `200`, or what came instead: another status with the error's name, or what broke; and when, and how soon.
    """

    def __init__(self, port: int, seen: list[str], ended: threading.Event, *, slow: bool) -> None:
        super().__init__(daemon=True)
        self._port, self._seen, self._ended, self._slow = port, seen, ended, slow
        self._limits = itertools.cycle(range(1, 6))

    def run(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        with contextlib.closing(link):
            while not self._ended.wait(PAUSE_SECONDS):
                began = time.monotonic()
                came = self._ask(link)
                if came != "200":
                    came += f" after {time.monotonic() - began:.3f} s at {datetime.now(UTC):%T.%f}"
                self._seen.append(came)

    def _ask(self, link: http.client.HTTPConnection) -> str:
        body: dict[str, Any] = {"row_limit": next(self._limits)}
        if self._slow:  # what is never the same twice is read anew
            body |= {"search_object": ON_WATCHLIST, "time": time.monotonic()}
        try:
            link.request("POST", PATH, json.dumps(body), build_headers(TOM if self._slow else MARCUS))
            response = link.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as fault:
            link.close()
            return type(fault).__name__
        if response.status == 200:
            return "200" if len(json.loads(answer)["data"]) == body["row_limit"] else "200 with other rows"
        with contextlib.suppress(ValueError):
            return f"{response.status} {json.loads(answer)['error']}"
        return f"{response.status} {response.reason}, not ours"


class Load:
    """Clients that ask all the time, as long as the block runs. Slow ones begin when they are told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._clients: list[Client] = []
        self.quick: list[str] = []
        self.slow: list[str] = []

    def add(self, number: int, *, slow: bool = False) -> None:
        """Let so many clients begin."""
        seen = self.slow if slow else self.quick
        for _ in range(number):
            self._clients.append(Client(self._port, seen, self._ended, slow=slow))
            self._clients[-1].start()

    def wait_for_more(self, answers: int) -> None:
        """Return once so many more of the quick requests have come to something."""
        self.wait_for(len(self.quick) + answers)

    def wait_for(self, answers: int) -> None:
        """Return once so many of the quick requests have come to something."""
        wait_until(lambda: len(self.quick) >= answers, lambda: f"{Counter(self.quick)}, {Counter(self.slow)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for client in self._clients:
            client.join()


def check_nothing_was_seen(load: Load, proxy: Proxy, *, may_refuse: bool) -> None:
    """Each of many answers is a 200.

    A proxy may have sent a request in the very moment in which its connection was closed, and again on another. That
    must stay as rare as it is. `may_refuse`: services have refused connections.
    """
    told = f"quick: {Counter(load.quick)}, slow: {Counter(load.slow)}\n{proxy.read_log()[-2000:]}"
    assert set(load.quick) == set(load.slow) == {"200"}, told
    assert len(load.quick) >= ENOUGH, told
    if proxy.name != "haproxy" or not may_refuse:
        assert proxy.count_sent_again() <= 1, told


def list_answers(running: Running) -> list[dict[str, Any]]:
    """A line for each request that a service has answered."""
    lines = [json.loads(line) for line in running.read_log().rpartition("\n")[0].splitlines()]
    return [line for line in lines if line["logger"] == "tickiti_query.request"]


def has_answered(running: Running, number: int) -> bool:
    return len(list_answers(running)) >= number


def has_lost(running: Running, worker: int) -> bool:
    return worker not in running.list_workers()


def count_under_way(running: Running, moment: float) -> int:
    """Count the slow requests that a service had under way at a moment, and answered later."""
    count = 0
    for line in list_answers(running):
        ended, seconds = datetime.fromisoformat(line["time"]).timestamp(), line["duration_ms"] / 1000
        count += seconds >= SLOW_SECONDS and ended - seconds < moment < ended
    return count


# Through a proxy -------------------------------------------------------------------------------------------


def test_nobody_sees_two_services_restarted_one_after_the_other(serve: Serve, proxy: Callable[..., Proxy]) -> None:
    services = [serve(), serve()]
    with proxy(*services) as front, Load(front.port) as load:
        load.add(CLIENTS)
        load.add(SLOW_CLIENTS, slow=True)
        for service in services:
            load.wait_for_more(50)
            stop(service)
            load.wait_for_more(50)
            fresh = serve(after=service)
            # Who restarts the next one before the proxy has come back to this one leaves it with none.
            wait_until(partial(has_answered, fresh, 50))
        load.wait_for_more(50)
        load.wait_for(ENOUGH)
    check_nothing_was_seen(load, front, may_refuse=True)


def test_nobody_sees_workers_renewed(serve: Serve, proxy: Callable[..., Proxy]) -> None:
    service = serve()
    with proxy(service) as front, Load(front.port) as load:
        load.add(CLIENTS)
        load.add(SLOW_CLIENTS, slow=True)
        for _ in range(3):
            load.wait_for_more(50)
            [before] = service.list_workers()
            began = time.monotonic()
            service.process.send_signal(signal.SIGHUP)
            wait_until(partial(has_lost, service, before))
            assert time.monotonic() - began < END_SECONDS
        load.wait_for_more(50)
        load.wait_for(ENOUGH)
        wait_until(lambda: len(service.list_workers()) == 1)
    check_nothing_was_seen(load, front, may_refuse=False)


def test_what_is_slow_and_under_way_on_a_service_that_ends_is_answered(
    slow_pair: Pair, serve: Serve, proxy: Callable[..., Proxy]
) -> None:
    services = [serve(), serve()]
    with proxy(*services) as front, Load(front.port) as load:
        load.add(SLOW_CLIENTS, slow=True)  # alone, and so one here and one there
        wait_until(lambda: count_sleeping(slow_pair) == SLOW_CLIENTS)
        load.add(CLIENTS)
        load.wait_for_more(CLIENTS)  # and no more: what is slow must not end before the service does
        moment = time.time()
        stop(services[0])
        load.wait_for_more(250)
        load.wait_for(ENOUGH)
    check_nothing_was_seen(load, front, may_refuse=True)
    assert count_under_way(services[0], moment) >= 1


@pytest.mark.parametrize("name", SEND_AGAIN)
def test_the_proxies_send_again_by_the_documented_lines(name: str) -> None:
    [row] = re.findall(rf"^\| {name}, .*$", read_document("docs/operate.md").text, re.MULTILINE)
    assert f"`{SEND_AGAIN[name]}`" in row


# Without one -----------------------------------------------------------------------------------------------

REQUEST = (
    f"POST {PATH} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer {PRIYA}\r\nContent-Length: 2\r\n\r\n{{}}"
).encode()
SILENCE_SECONDS = 30.0
CALLERS = 4


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), SILENCE_SECONDS)


def read_last(link: socket.socket) -> str:
    """Read until the other side closes: `answered`, if that was a 200 and whole, or what it was instead."""
    try:
        received = b"".join(iter(lambda: link.recv(65536), b""))
    except TimeoutError:
        return "silent"
    except ConnectionError:
        return "reset"
    head, _, body = received.partition(b"\r\n\r\n")
    if b"\r\nContent-Length: %d\r\n" % len(body) not in head + b"\r\n":
        return f"cut: {received[-200:]!r}" if received else "closed"
    return "answered" if head.startswith(b"HTTP/1.1 200 ") else f"answered: {head[:12]!r}"


def knock(port: int) -> str:
    """Ask on a connection of one's own, and return what `read_last` says, or `refused`."""
    try:
        with connect(port) as link:
            link.sendall(REQUEST)
            return read_last(link)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except ConnectionError:
        return "reset"


def is_refused(port: int) -> bool:
    try:
        connect(port).close()
    except ConnectionError:
        return True
    return False


def keep(port: int) -> http.client.HTTPConnection:
    """A connection on which a request was answered, and which the service keeps."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=SILENCE_SECONDS)
    assert ask(link) == "keep-alive"
    return link


def ask(link: http.client.HTTPConnection, body: str = "{}") -> str:
    """Ask, and return what the answer, which is a 200, says of its connection."""
    link.request("POST", PATH, body, build_headers(PRIYA))
    response = link.getresponse()
    answer = json.loads(response.read())
    assert response.status == 200, answer
    return response.getheader("Connection", "nothing")


def test_connections_that_are_kept_and_idle_hold_up_no_end(serve: Serve) -> None:
    service = serve()
    with contextlib.ExitStack() as opened:
        links = [opened.enter_context(contextlib.closing(keep(service.port))) for _ in range(50)]
        stop(service)
        assert [link.sock.recv(1) for link in links] == [b""] * 50


def test_the_last_answer_on_a_connection_that_was_kept_says_so(serve: Serve) -> None:
    """One is in use, the other has been idle meanwhile."""
    service = serve(*LINGERING)
    with contextlib.closing(keep(service.port)) as used, contextlib.closing(keep(service.port)) as idle:
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: ask(used) == "close")
        assert ask(idle) == "close"
        assert [link.sock for link in (used, idle)] == [None, None]  # closed, as it was said
    assert service.process.wait(SECONDS) == 0


def test_an_answer_that_was_under_way_says_that_its_connection_ends(serve: Serve, slow_pair: Pair) -> None:
    """A proxy would send the next request on a connection that is about to be closed."""
    service = serve(**PATIENT)
    with (
        contextlib.closing(keep(service.port)) as link,
        ThreadPoolExecutor(1) as threads,
        closed_gate(slow_pair) as open_gate,
    ):
        said = threads.submit(ask, link)
        wait_until(lambda: count_sleeping(slow_pair) == 1)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(service.port))  # the worker has closed the port, and drains
        open_gate()
        assert said.result(SECONDS) == "close"
    assert service.process.wait(SECONDS) == 0


def describe(service: Running, worker: int) -> str:
    """A master and its worker as the system sees them, and the log."""
    files = [Path(f"/proc/{pid}/{name}") for pid in (service.process.pid, worker) for name in ("status", "wchan")]
    return "\n".join([*(file.read_text() if file.exists() else f"no {file}" for file in files), service.read_log()])


def test_who_waits_to_be_accepted_is_answered(serve: Serve) -> None:
    """All that have connected before the worker hears of its end; it is held until they have."""
    service = serve()
    [worker] = service.list_workers()
    with contextlib.ExitStack() as opened:
        with frozen(worker):
            wait_until(lambda: is_stopped(worker))
            links = [opened.enter_context(connect(service.port)) for _ in range(20)]
            for link in links:
                link.sendall(REQUEST)
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: has_pending(worker, signal.SIGTERM), lambda: describe(service, worker))
        assert Counter(map(read_last, links)) == {"answered": 20}
    assert service.process.wait(SECONDS) == 0


def test_who_connects_while_it_ends_is_answered_or_refused(serve: Serve) -> None:
    """No connection is silent.

    The system may make one in the moment between the worker's last look at who waits and the closing of its port, and
    resets it then: nothing that a process does can exclude that, and it hits at most one of each caller.
    """
    service = serve()
    seen: list[str] = []
    ended = threading.Event()

    def knock_on() -> None:
        while not ended.wait(0.001 if seen[-1:] == ["refused"] else 0):
            seen.append(knock(service.port))

    with ThreadPoolExecutor(CALLERS) as threads:
        callers = [threads.submit(knock_on) for _ in range(CALLERS)]
        try:
            wait_until(lambda: len(seen) > 50)
            assert set(seen) == {"answered"}
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(SECONDS) == 0
        finally:
            ended.set()
        for caller in callers:
            caller.result(SILENCE_SECONDS + 1)
    found = Counter(seen)
    assert set(found) <= {"answered", "refused", "reset"}, found
    assert found["refused"] > 0, found
    assert found["reset"] <= CALLERS, found
