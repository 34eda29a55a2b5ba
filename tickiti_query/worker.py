"""gunicorn's threaded worker, quiet about what it could not read."""

import contextlib
from typing import Any

from gunicorn import util
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Answers 400 to whatever is no HTTP request, and logs which rule it broke."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """gunicorn's own puts the offending line into the log: it may hold a token.

        Its own also has other codes than 400 for some of it, 501 for one, which here means something else.
        """
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        rule = type(exc).__name__
        address = addr[0] if addr else ""
        self.log.warning(
            "refused what is no HTTP request", extra={"facts": {"address": address, "rule": rule}}
        )
        with contextlib.suppress(OSError):  # it may be gone
            util.write_error(client, 400, "Bad Request", rule)
