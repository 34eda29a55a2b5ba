"""gevent's event loop for gunicorn: patch the standard library first, and report failures to our log."""

import logging
import os
import shlex
import sys
from types import TracebackType

from gunicorn.config import Config

WORKER = "tickiti_query.server.gunicorn_worker.Worker"

log = logging.getLogger("tickiti_query.event_loop")


def choose_worker_class() -> str:
    """Return the worker class that gunicorn's command line or GUNICORN_CMD_ARGS names, else ours."""
    arguments = [*shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")), *sys.argv[1:]]
    chosen: str | None = Config().parser().parse_known_args(arguments)[0].worker_class
    return chosen or WORKER


def is_cooperative(worker_class: str) -> bool:
    """Return True where requests of this worker class run as greenlets of one event loop."""
    return worker_class not in {"sync", "gthread"}


def patch_standard_library() -> None:
    """Make sockets, locks and threads cooperative. Call this before any module that uses them is imported."""
    import gevent  # noqa: PLC0415  the other worker classes do without
    from gevent import monkey  # noqa: PLC0415

    monkey.patch_all()
    gevent.get_hub().print_exception = report_failure


def report_failure(_: object, kind: type[BaseException], failure: BaseException, trace: TracebackType | None) -> None:
    """Log an exception that ended a greenlet: its class and place. gevent itself prints its text, SQL included."""
    log.error("unforeseen error", exc_info=(kind, failure, trace))
