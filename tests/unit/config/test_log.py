"""A record becomes one JSON line, without a trace, what an exception says, or what gunicorn says of a request."""

import contextlib
import json
import logging
import logging.config
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.log import JsonFormatter, LineHandler, QuietLogger, configure_logging

TOKEN = "14|abcdefgh"


def write(**changes: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "hello", **changes})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_line_says_when_how_grave_who_and_what() -> None:
    line = write(created=1777626842.0405, msg="%s of %d", args=("one", 2))
    assert line == {
        "time": "2026-05-01T09:14:02.040+00:00",
        "level": "info",
        "logger": "x",
        "message": "one of 2",
    }


def test_facts_are_fields_of_the_line() -> None:
    line = write(facts={"status": 200, "path": 'a\n"b"', "odd": 1j})
    assert (line["status"], line["path"], line["odd"]) == (200, 'a\n"b"', "1j")


def test_of_an_exception_only_its_class_and_place_are_told() -> None:
    try:
        raise LookupError("SELECT secret FROM tokens")
    except LookupError:
        line = write(exc_info=sys.exc_info())
    assert line["exception"] == "LookupError"
    assert "test_log.py" in line["at"]
    assert "secret" not in json.dumps(line)
    assert "Traceback" not in json.dumps(line)


def test_the_configuration_writes_lines_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(configure_logging("warning"))
    for name in ("tickiti_query.request", "gunicorn.error", "some.library"):
        logging.getLogger(name).warning("seen")
        logging.getLogger(name).info("unseen")
    output, errors = capfd.readouterr()
    assert not output
    assert [json.loads(line)["message"] for line in errors.splitlines()] == ["seen"] * 3


@pytest.fixture
def standard_error() -> Iterator[Callable[[int], LineHandler]]:
    """Leads standard error to a descriptor, as long as the test runs, and makes a handler that writes there."""
    before = os.dup(2)
    handlers: list[LineHandler] = []

    def lead(descriptor: int) -> LineHandler:
        os.dup2(descriptor, 2)
        handlers.append(LineHandler())
        handlers[-1].setFormatter(JsonFormatter())
        return handlers[-1]

    yield lead
    for handler in handlers:
        handler.close()
    os.dup2(before, 2)
    os.close(before)


def open_pipe() -> tuple[int, int]:
    return os.pipe()


def open_socket_pair() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


@pytest.mark.parametrize("open_both", [open_pipe, open_socket_pair])
def test_lines_that_nobody_takes_are_lost_and_counted(
    standard_error: Callable[[int], LineHandler], open_both: Callable[[], tuple[int, int]]
) -> None:
    reader, writer = open_both()
    handler = standard_error(writer)
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "y" * 1000})
    for _ in range(5000):
        handler.emit(record)
    taken = read_all(reader)
    handler.emit(record)
    lines = [json.loads(line) for line in read_all(reader).splitlines() if line.startswith(b"{")]
    assert [line["message"] for line in lines] == ["lines were lost", "y" * 1000]
    assert lines[0]["lost"] + taken.count(b"}\n") == 5000
    os.close(reader)
    for _ in range(3):
        handler.emit(record)
    os.close(writer)


def read_all(reader: int) -> bytes:
    os.set_blocking(reader, False)
    found = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(reader, 1 << 20):
            found += piece
    return found


def test_a_full_disk_is_no_fault(standard_error: Callable[[int], LineHandler]) -> None:
    with open("/dev/full", "wb") as full:
        handler = standard_error(full.fileno())
    handler.emit(logging.makeLogRecord({"msg": "y"}))
    handler.emit(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    assert handler.lost == 2


@pytest.fixture
def logger(caplog: pytest.LogCaptureFixture) -> QuietLogger:
    made = QuietLogger.__new__(QuietLogger)  # gunicorn would give the loggers of the process handlers of its own
    made.error_log = logging.getLogger("tests.gunicorn")
    made.access_log = logging.getLogger("tests.gunicorn.access")
    caplog.set_level(logging.INFO)
    return made


def test_a_malformed_request_is_logged_without_its_text(logger: QuietLogger, caplog: pytest.LogCaptureFixture) -> None:
    """gunicorn's own workers say it in these words."""
    logger.warning("Invalid request from ip=%s: %s", "203.0.113.9", f"Invalid HTTP Header: {TOKEN!r}")
    assert caplog.messages == ["refused what is no HTTP request"]


def test_other_warnings_are_logged_as_they_are(logger: QuietLogger, caplog: pytest.LogCaptureFixture) -> None:
    logger.warning("Worker with pid %s was terminated due to signal %s", 7, 9)
    assert caplog.messages == ["Worker with pid 7 was terminated due to signal 9"]


def test_a_failure_is_logged_without_the_request_it_is_of(
    logger: QuietLogger, caplog: pytest.LogCaptureFixture
) -> None:
    logger.exception("Error handling request %s", f"/?token={TOKEN}")
    assert caplog.messages == ["unforeseen error"]


def test_gunicorns_access_log_stays_empty(logger: QuietLogger, caplog: pytest.LogCaptureFixture) -> None:
    logger.access(object(), object(), {}, 0.1)
    assert caplog.messages == []
