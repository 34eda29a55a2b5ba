"""Callers of a service that runs: some ask and note how long it took, others hold sockets of their own."""

import contextlib
import http.client
import json
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.running import SECONDS, Running
from tests.support.shop import MARCUS, PATH, PRIYA

ASSET = "/docs/assets/swagger-ui-bundle.js"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {PRIYA}\r\nContent-Type: application/json\r\n"


# Long for an answer, on a slow machine too; short beside what slow clients, one after the other, would make of it.
SOON_SECONDS = 5.0


@dataclass(frozen=True)
class Told:
    """An answer, and the time that it took."""

    status: int
    error: str | None
    headers: Any
    seconds: float


def ask(port: int, token: str, body: Any) -> Told:
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as link:
        link.request("POST", PATH, json.dumps(body), headers)
        response = link.getresponse()
        told = json.loads(response.read())
        return Told(response.status, told.get("error"), response.headers, time.monotonic() - began)


def count(running: Running, counter: str) -> float:
    url = f"http://127.0.0.1:{running.admin_port}/metrics"
    with urllib.request.urlopen(url, timeout=SECONDS) as response:
        page = response.read().decode()
    found = re.search(rf"^{re.escape(counter)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


@contextlib.contextmanager
def connect(port: int, number: int = 1, receive_bytes: int | None = None) -> Iterator[list[socket.socket]]:
    """Connections to the service; with a small buffer, a client that takes little at a time."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(number):
            link = stack.enter_context(socket.socket())
            link.settimeout(SECONDS)
            if receive_bytes:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            link.connect(("127.0.0.1", port))
            opened.append(link)
        yield opened


def check_answers(running: Running) -> None:
    """A normal client is answered, again and again, and soon."""
    for _ in range(5):
        told = ask(running.port, MARCUS, {})
        assert (told.status, told.seconds < SOON_SECONDS) == (200, True)
