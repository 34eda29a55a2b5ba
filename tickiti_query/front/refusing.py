"""What a worker says to what is no HTTP request: to the client a 400, to the log which rule it broke."""

import contextlib
from typing import Any

from gunicorn import util
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName, ParseException
from gunicorn.workers.gthread import ThreadWorker

OURS = (InvalidResponseHeader, InvalidResponseHeaderName)  # of an answer, not of a request


class RefusingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Answers 400 to whatever is no HTTP request, and logs which rule it broke."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # gunicorn gathers a line for its access log wherever logging is configured; a request has a line of ours.
        self.log.access = lambda *_: None

    def handle_error(self, _req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """gunicorn's own puts the offending line, or the URI, into the log: they may hold a token.

        Its own also has other codes than 400 for some of it, 501 for one, which here means something else.
        """
        rule = type(exc).__name__
        facts = {"address": addr[0] if addr else "", "rule": rule}
        if isinstance(exc, ParseException) and not isinstance(exc, OURS):
            self.log.warning("refused what is no HTTP request", extra={"facts": facts})
            status, reason, words = 400, "Bad Request", rule
        else:
            self.log.error("unforeseen error", exc_info=exc)
            status, reason, words = 500, "Internal Server Error", ""
        with contextlib.suppress(OSError):  # it may be gone
            util.write_error(client, status, reason, words)
