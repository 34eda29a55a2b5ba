"""Logging: one JSON line a record on standard error, without a trace, a token or SQL."""

import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever `extra={"facts": {…}}` gives."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`. Of an exception it tells the class and the place, never the text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = name_place(record.exc_info[2])
        return orjson.dumps(line, default=str).decode()


def name_place(trace: TracebackType | None) -> str:
    """Where an exception was raised: file, line and function of the innermost frame."""
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}" if frames else "unknown"


def configure_logging(level: str) -> dict[str, Any]:
    """The logging configuration, in the form of `logging.config.dictConfig`; gunicorn takes it too."""
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
        "handlers": {
            "lines": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
        },
        "root": {"level": "WARNING", "handlers": ["lines"]},
        "loggers": {
            "tickiti_query": {"level": level.upper(), "handlers": ["lines"], "propagate": False},
            "gunicorn.error": gunicorn,
        },
    }
