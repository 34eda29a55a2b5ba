"""gunicorn's logger: what gunicorn says of a request never has the request's text, whichever worker runs."""

import logging

import pytest

from config.gunicorn_log import QuietLogger

TOKEN = "14|abcdefgh"


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
