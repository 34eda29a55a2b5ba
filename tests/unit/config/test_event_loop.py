"""gevent's event loop, patched in as gunicorn's configuration does it; in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.event_loop import WORKER, choose_worker_class, is_cooperative

ROOT = Path(__file__).parents[3]
PATCHED = """
from config import event_loop
event_loop.patch_standard_library()
import logging.config
from config.log import configure_logging
logging.config.dictConfig(configure_logging("info"))
import gevent
"""
FAILING = """
def fail():
    raise ValueError("SELECT secret FROM personal_access_tokens")

gevent.spawn(fail).join()
gevent.get_hub().loop.run_callback(fail)
gevent.sleep(0.01)
"""
# The resolver's own call blocks its thread, as libc's does while a name server is silent.
LOOKING_UP = """
import _socket, os, time
from gevent import monkey
sleep = monkey.get_original("time", "sleep")
_socket.getaddrinfo = lambda *args: sleep(10.0)
from tickiti_query.replica.addresses import AddressBook
from tickiti_query.replica.database_errors import DeadlinePassed

turns = 0
def turn():
    global turns
    while True:
        gevent.sleep(0.01)
        turns += 1

gevent.spawn(turn)
began = time.monotonic()
try:
    AddressBook().find("replica.example", 0.4)
except DeadlinePassed as fault:
    print(turns, time.monotonic() - began, fault, flush=True)
os._exit(0)  # the thread still sleeps
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PATCHED + program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_a_failure_that_gevent_reports_is_a_line_of_the_log_without_its_text() -> None:
    lines = [json.loads(line) for line in run(FAILING).stderr.splitlines()]
    assert [(line["level"], line["exception"]) for line in lines] == [("error", "ValueError")] * 2
    assert all(line["at"].endswith("fail") for line in lines)
    assert "secret" not in json.dumps(lines)


def test_looking_up_a_name_ends_in_time_and_lets_the_loop_run() -> None:
    turns, seconds, fault = run(LOOKING_UP).stdout.split(" ", 2)
    assert int(turns) > 2
    assert 0.3 < float(seconds) < 9
    assert "replica.example" in fault


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [
        (["wsgi:app"], "", WORKER),
        (["-k", "gthread", "wsgi:app"], "", "gthread"),
        (["--worker-class=gthread"], "-k gevent", "gthread"),
        ([], "--bind '0.0.0.0:80' -k gevent", "gevent"),
    ],
)
def test_the_worker_is_the_one_that_gunicorn_is_told(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["gunicorn", "-c", "config/gunicorn.conf.py", *arguments])
    monkeypatch.setenv("GUNICORN_CMD_ARGS", variable)
    chosen = choose_worker_class()
    assert chosen == expected
    assert is_cooperative(chosen) is (expected != "gthread")
