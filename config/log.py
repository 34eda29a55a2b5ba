"""Logging: one JSON line a record on standard error, without a trace, a token or SQL."""

import logging
import os
import stat
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec
from gunicorn.glogging import Logger


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever `extra={"facts": {…}}` gives."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for `record`. Of an exception it has the class and the place, never the text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            line["exception"] = record.exc_info[0].__name__
            line["at"] = f"{frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}" if frames else "unknown"
        return msgspec.json.encode(line, enc_hook=str).decode()


class LineHandler(logging.Handler):
    """A handler that writes one line for each record to standard error, and never waits for a reader.

    A line that cannot be written at once is lost, as where no process reads the pipe, or the disk is full. The next
    line that can be written comes with another one that says how many were lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self._output = open_without_waiting(2) if sys.__stderr__ else None
        self.lost = 0
        self._is_torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it as lost. Never raises."""
        if self._output is None:
            return
        try:
            lines = f"{self.format(record)}\n"
            if self.lost:
                lines = f"{self._format_lost()}\n{lines}"
            data = (f"\n{lines}" if self._is_torn else lines).encode()
            self._is_torn = os.write(self._output, data) < len(data)
            self.lost = int(self._is_torn)
        except Exception:
            self.lost += 1

    def _format_lost(self) -> str:
        facts = {"name": __name__, "levelname": "WARNING", "msg": "lines were lost", "facts": {"lost": self.lost}}
        return self.format(logging.makeLogRecord(facts))

    def close(self) -> None:
        """Give the descriptor back."""
        if self._output not in {None, 2}:
            os.close(self._output)
        super().close()


def open_without_waiting(descriptor: int) -> int:
    """Return a descriptor for what this one leads to, or itself, so that writing to it never waits for a reader."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        # O_NONBLOCK on the descriptor itself would bind all who share it; one that is opened anew is ours alone.
        try:
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:  # it is a socket, or belongs to somebody else
            os.set_blocking(descriptor, False)
    return descriptor


def configure_logging(level: str) -> dict[str, Any]:
    """Return the logging configuration, in the form of `logging.config.dictConfig`; gunicorn takes it too."""
    # What no line of ours shows is not gathered: the thread, the process, and the place that a message came from.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  the logging HOWTO's own way of saying it
    # A line that cannot be written (a full disk, a closed pipe) is lost, and no reason for a trace on standard error.
    logging.raiseExceptions = False
    ours = {"level": level.upper(), "handlers": ["lines"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"lines": {"()": LineHandler, "formatter": "json"}},
        "root": {"level": "WARNING", "handlers": ["lines"]},
        "loggers": {"tickiti_query": ours, "gunicorn.error": ours},
    }


class QuietLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger, without the text that clients send: a malformed request may hold a token."""

    def access(self, *_: Any, **__: Any) -> None:
        """Write nothing: the service has a line of its own for each request."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; of a malformed request, without its text."""
        if msg.startswith("Invalid request from"):
            msg, args = "refused what is no HTTP request", ()
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002  the URI may hold a token
        """Log that something failed; the formatter adds the exception's class and place."""
        super().exception("unforeseen error", **kwargs)
