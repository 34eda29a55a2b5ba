"""Logging: one JSON line a record on standard error, without a trace, a token or SQL."""

import logging
import os
import socket
import stat
import sys
import traceback
from datetime import UTC, datetime
from io import FileIO
from types import TracebackType
from typing import Any, Protocol

import msgspec


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
            line["exception"] = record.exc_info[0].__name__
            line["at"] = locate_exception(record.exc_info[2])
        return msgspec.json.encode(line, enc_hook=str).decode()


class LineHandler(logging.Handler):
    """A handler that writes a line a record to standard error, and waits for nobody.

    A line that cannot be written at once is lost: nobody reads the pipe, the disk is full. The next one that can be
    written comes with another that says how many were.
    """

    def __init__(self) -> None:
        super().__init__()
        self._output = open_without_waiting(2) if sys.__stderr__ else None
        self.lost = 0
        self._is_torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it as lost. Never raises."""
        try:
            self._write(self._tell_lost() + self.format(record) + "\n")
        except Exception:
            self.lost += 1

    def _tell_lost(self) -> str:
        if not self.lost:
            return ""
        facts = {"name": __name__, "levelname": "WARNING", "msg": "lines were lost"}
        return self.format(logging.makeLogRecord({**facts, "facts": {"lost": self.lost}})) + "\n"

    def _write(self, lines: str) -> None:
        if self._output is None:
            return
        data = (f"\n{lines}" if self._is_torn else lines).encode()
        self._is_torn = self._output.send(data) < len(data)
        self.lost = int(self._is_torn)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._output is not None:
            self._output.close()
        super().close()


class Output(Protocol):
    """An output that takes bytes at once, or raises OSError; `send` returns how many it took."""

    def send(self, data: bytes, /) -> int: ...
    def close(self) -> None: ...


class File(FileIO):
    """A file whose `send` is as a socket's."""

    def send(self, data: bytes, /) -> int:
        """Write as much as goes. OSError where nothing does."""
        return os.write(self.fileno(), data)


def open_without_waiting(descriptor: int) -> Output:
    """Open what the descriptor leads to, so that writing to it never waits for a reader."""
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(kind):
        sender = socket.socket(fileno=os.dup(descriptor))
        sender.setblocking(False)
        return sender
    if not stat.S_ISREG(kind):
        # Opened anew, not to wait is our own way alone, and not that of all who write there.
        try:
            return File(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY), "wb")
        except OSError:  # it belongs to somebody else
            os.set_blocking(descriptor, False)
    return File(descriptor, "wb", closefd=False)


def locate_exception(trace: TracebackType | None) -> str:
    """Return the place where an exception was raised: file, line and function of the innermost frame."""
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}" if frames else "unknown"


def configure_logging(level: str) -> dict[str, Any]:
    """Return the logging configuration, in the form of `logging.config.dictConfig`; gunicorn takes it too."""
    # What no line of ours shows is not gathered: the thread, the process, and the place that a message came from.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  the logging HOWTO's own way of saying it
    # A line that cannot be written (a full disk, a closed pipe) is lost, and no reason for a trace on standard error.
    logging.raiseExceptions = False
    gunicorn = {"level": level.upper(), "handlers": ["lines"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"lines": {"()": LineHandler, "formatter": "json"}},
        "root": {"level": "WARNING", "handlers": ["lines"]},
        "loggers": {
            "tickiti_query": {"level": level.upper(), "handlers": ["lines"], "propagate": False},
            "gunicorn.error": gunicorn,
        },
    }
