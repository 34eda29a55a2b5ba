"""The processes that are measured: ours in two modes and the rivals, each on a free port of its own."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = "/api/v1/tickets/query"
HOST = "127.0.0.1"
ANSWER_SECONDS = 60.0
READY_SECONDS = 30.0
STOP_SECONDS = 10.0

GUNICORN = (sys.executable, "-m", "gunicorn", "-c")
UVICORN = (
    *(sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools"),
    *("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "75"),
)


class LoadError(RuntimeError):
    """The measurement cannot be made; the message says why."""


@dataclass(frozen=True)
class Reply:
    """An answer of a target."""

    status: int
    body: bytes
    cache_status: str


@dataclass(frozen=True)
class Target:
    """A server under measurement; `pid` is its first process, whose children are the workers."""

    name: str
    title: str
    port: int
    pid: int

    @property
    def bind(self) -> str:
        """The address that it listens on. Its processes have it in their environment as TICKITI_BIND."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of its one endpoint."""
        return f"http://{self.bind}{PATH}"

    def connect(self, seconds: float = ANSWER_SECONDS) -> http.client.HTTPConnection:
        """A connection that stays open over several questions; nothing on it waits longer than `seconds`."""
        return http.client.HTTPConnection(HOST, self.port, timeout=seconds)


def ask(connection: http.client.HTTPConnection, headers: Mapping[str, str], body: bytes) -> Reply:
    """One question over a connection; back when the last byte is here."""
    connection.request("POST", PATH, body, dict(headers))
    response = connection.getresponse()
    data = response.read()
    return Reply(response.status, data, response.headers.get("Cache-Status", ""))


@dataclass(frozen=True)
class Launch:
    """A way to start a target: its command, in which `{port}` stands for the port, its settings and its directory."""

    name: str
    title: str
    command: tuple[str, ...]
    settings: Mapping[str, str]
    directory: Path = ROOT


def list_launches(workers: int) -> list[Launch]:
    """All targets, in the order of a round."""
    service = (*GUNICORN, "config/gunicorn.conf.py", "wsgi:app")
    flask = (*GUNICORN, "bench/rivals/gunicorn.conf.py")
    fastapi = (*UVICORN, "--workers", str(workers), "--host", HOST, "--port", "{port}")
    return [
        Launch("bare_flask", "bare Flask, same bytes", (*flask, "bench.rivals.bare_flask:app"), {}),
        Launch("hit", "tickiti-query, hits", service, {}),
        Launch("fastapi", "FastAPI + asyncpg", (*fastapi, "bench.rivals.fastapi_asyncpg:app"), {}),
        Launch("miss", "tickiti-query, cache off", service, {"TICKITI_CACHE_TTL_SECONDS": "0"}),
        Launch("flask_psycopg2", "Flask + psycopg2", (*flask, "bench.rivals.flask_psycopg2:app"), {}),
    ]


@contextlib.contextmanager
def run_target(launch: Launch, environment: Mapping[str, str], logs: Path) -> Iterator[Target]:
    """Start a target and wait until its port answers; its output goes to a file in `logs`."""
    port, admin_port = _find_free_ports()
    bound = {"TICKITI_BIND": f"{HOST}:{port}", "TICKITI_ADMIN_BIND": f"{HOST}:{admin_port}"}
    prefix = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    log_path = logs / f"{launch.name}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*prefix, *(word.format(port=port) for word in launch.command)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=launch.directory,
            env={**os.environ, **environment, **launch.settings, **bound},
            process_group=0,
        )
    target = Target(launch.name, launch.title, port, process.pid)
    try:
        _wait_ready(process, target, log_path)
        yield target
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], target: Target, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, target.port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text("utf-8", "replace")[-2000:]
            raise LoadError(f"{target.title} did not start; {log} ends with:\n{tail}")
        time.sleep(0.1)


def _find_free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind((HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]
