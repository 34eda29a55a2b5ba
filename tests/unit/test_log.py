"""A record becomes one JSON line, without a trace and without what an exception says."""

import io
import json
import logging
import logging.config
import sys
from typing import Any

import pytest

from config.log import JsonFormatter, configure_logging


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
    line = write(facts={"status": 200, "path": 'a\n"b"', "odd": {1}})
    assert (line["status"], line["path"], line["odd"]) == (200, 'a\n"b"', "{1}")


def test_of_an_exception_only_its_class_and_place_are_told() -> None:
    try:
        raise LookupError("SELECT secret FROM tokens")
    except LookupError:
        line = write(exc_info=sys.exc_info())
    assert line["exception"] == "LookupError"
    assert "test_log.py" in line["at"]
    assert "secret" not in json.dumps(line)
    assert "Traceback" not in json.dumps(line)


def test_the_configuration_writes_lines_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(configure_logging("warning"))
    for name in ("tickiti_query.request", "gunicorn.error", "some.library"):
        logging.getLogger(name).warning("seen")
        logging.getLogger(name).info("unseen")
    output, errors = capsys.readouterr()
    assert not output
    assert [json.loads(line)["message"] for line in errors.splitlines()] == ["seen"] * 3


def test_a_line_that_cannot_be_written_leaves_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    closed = io.StringIO()
    closed.close()
    handler = logging.StreamHandler(closed)
    handler.setFormatter(JsonFormatter())
    handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, "lost", (), None))
    assert capsys.readouterr().err == ""
