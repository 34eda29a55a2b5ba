"""A pytest plugin: nothing that the service logs or answers in the whole suite holds a token, SQL or a trace.

It listens to every line that our formatter writes in this process, to what tests leave on standard error, to every
answer that comes through a test client or http.client, and reads the logs of each gunicorn that was started. What it
finds is told at the end, with the test where it was, and fails the run.
"""

import http.client
import json
import logging
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import werkzeug.test

from config.log import JsonFormatter
from tests.support.hostile import PAYLOADS
from tests.support.workers import get_lines

# what it is -> how it looks; the tokens are those of the suite, and whatever has their form
LEAKS = {
    "a token": r"DemoOnly\w+|\bsecret-of-\d|\bsecret9\d{3}|\b\d{1,9}\|\w{6,}|\b[0-9a-f]{64}\b|[Bb]earer [^<\s]",
    "a password": r"hunter2|postgres(ql)?://[^\s\"@/]*:[^\s\"@]+@",
    "SQL": r"\bSELECT\b.+\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b|\bUPDATE \w+ SET\b|ISOLATION LEVEL",
    "the database's own words": (
        r"psycopg2\.|\bLINE \d+:|at or near|\" does not exist|permission denied|canceling statement"
        r"|terminating connection|ERROR:  |DETAIL:  "
    ),
    "a trace": r"Traceback \(most recent|File \"[^\"]+\", line \d|most recent call last",
}
# libpq itself writes this for a connection of the suite's own, to a server that a test has crashed.
CRASH = re.compile(r"WARNING:  terminating connection because of crash.*(\n(DETAIL|HINT):  .*)*")
KINDS = ("application/json", "text/html", "text/plain")
# What a test itself put into a name or a text comes back where a list, or the name of what is wrong, is asked for.
SENT = re.compile(
    "|".join(re.escape(form) for text in PAYLOADS for form in {text, json.dumps(text)[1:-1]} if len(form) > 4)
)


def find_leaks(text: str) -> Iterator[str]:
    """Yield what must not be in a log or a body: its kind, and the words around it."""
    rest = SENT.sub("", text)
    for name, pattern in LEAKS.items():
        for found in re.finditer(pattern, rest):
            yield f"{name}: …{rest[max(0, found.start() - 60) : found.end() + 60]!r}"


class LeakListener:
    """Hears everything, and remembers what should not have been said."""

    def __init__(self, found: list[str]) -> None:
        self.where = "before the first test"
        self.found = found
        self.logs: dict[Path, str] = {}
        self._patch = pytest.MonkeyPatch()

    def hear(self, source: str, text: str) -> None:
        """Look through what was said."""
        self.found.extend(f"{self.where}: {source}: {leak}" for leak in find_leaks(text))

    def listen(self) -> None:
        """Stand between the service and whoever hears it."""
        self._patch.setattr(JsonFormatter, "format", self._wrap_format(JsonFormatter.format))
        self._patch.setattr(werkzeug.test.Client, "open", self._wrap_open(werkzeug.test.Client.open))
        self._patch.setattr(http.client.HTTPResponse, "read", self._wrap_read(http.client.HTTPResponse.read))
        self._patch.setattr(subprocess.Popen, "__init__", self._wrap_start(subprocess.Popen.__init__))

    def _wrap_format(self, inner: Callable[..., str]) -> Callable[..., str]:
        def format_line(formatter: JsonFormatter, record: logging.LogRecord) -> str:
            line = inner(formatter, record)
            self.hear("log", line)
            return line

        return format_line

    def _wrap_open(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def open_(client: Any, *args: Any, **kwargs: Any) -> Any:
            response = inner(client, *args, **kwargs)
            if response.is_json:
                self.hear("body", response.get_data(as_text=True))
            return response

        return open_

    def _wrap_read(self, inner: Callable[..., bytes]) -> Callable[..., bytes]:
        def read(response: http.client.HTTPResponse, *args: Any) -> bytes:
            kind, server = response.getheader("Content-Type", ""), response.getheader("Server", "")
            body = inner(response, *args)
            # Others of the suite's servers are none of ours, and the scripts of /docs say all sorts of things.
            if server.startswith(("gunicorn", "WSGIServer")) and kind.startswith(KINDS):
                self.hear("body", body.decode("utf-8", "replace"))
            return body

        return read

    def _wrap_start(self, inner: Callable[..., None]) -> Callable[..., None]:
        def start(process: Any, args: Any, *rest: Any, **kwargs: Any) -> None:
            output = getattr(kwargs.get("stderr"), "name", None)
            if isinstance(output, str) and any(Path(str(word)).name == "gunicorn" for word in args):
                self.logs[Path(output)] = self.where
            inner(process, args, *rest, **kwargs)

        return start

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.where = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for title, text in report.sections:
            if title.startswith("Captured stderr"):
                self.hear("standard error", CRASH.sub("", text))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._patch.undo()
        for path, where in self.logs.items():
            self.where = where
            if path.exists():
                self.hear(f"log of gunicorn, {path}", path.read_text("utf-8", "replace"))


class LeakTeller:
    """Tells what the listeners of all processes have heard, and fails the run for it."""

    def __init__(self, found: list[str]) -> None:
        self._found = found

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._found:
            terminalreporter.section("The service was not quiet", red=True)
            for line in dict.fromkeys(self._found):
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    found = get_lines(config, "leaks")
    if hasattr(config, "workerinput") or not config.getoption("numprocesses"):  # tests run in this process
        listener = LeakListener(found)
        listener.listen()
        config.pluginmanager.register(listener)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LeakTeller(found))
