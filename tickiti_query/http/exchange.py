"""One HTTP exchange: its name, its clock, the headers that tell of it, and its line in the log."""

import logging
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter, time
from typing import Any

from tickiti_query.cache.snapshot_ids import ServerState
from tickiti_query.model.errors import QueryError
from tickiti_query.query.request_trace import RequestTrace
from tickiti_query.query.service import Reply

EXCHANGE = "tickiti_query.exchange"  # where in a WSGI environment it travels

log = logging.getLogger("tickiti_query.request")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
LONGEST_IGNORED_HEADER = 4096


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of every answer.

    `count` is told its status, the code of its error, its seconds, and what happened on the way. `trace` makes spans of
    the exchange, its status and its seconds, and says what the trace is called; None where nobody asks for traces.
    """

    count: Callable[[int, str | None, float, RequestTrace], None]
    trace: Callable[["Exchange", int, float], str] | None = None


class Exchange:
    """Begins when it is made, and is told of when it ends.

    `environ` is WSGI's; `path` is its path, as text. `state` is what the replica showed after it began, where that has
    been asked; `error` is the code of the error that was answered, if one was.
    """

    __slots__ = ("began", "environ", "error", "ignored", "listeners", "path", "request_id", "state", "trace")

    def __init__(self, listeners: Listeners, environ: Mapping[str, Any], path: str) -> None:
        self.listeners = listeners
        self.environ = environ
        self.path = path
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        # A name, no secret: it need not be hard to guess.
        self.request_id = (
            request_id if REQUEST_ID.fullmatch(request_id) else f"{random.getrandbits(128):032x}"
        )
        self.trace = RequestTrace()
        self.ignored: tuple[str, ...] = ()
        self.state: ServerState | None = None
        self.error: str | None = None
        self.began = perf_counter()

    def describe(self) -> Iterator[tuple[str, str]]:
        """The headers that every answer carries."""
        yield "X-Request-ID", self.request_id
        if self.trace.durations:
            yield "Server-Timing", render_durations(self.trace.durations)
        if self.trace.standing:
            yield from self.trace.standing.describe()

    def describe_reply(self, reply: Reply) -> Iterator[tuple[str, str]]:
        """What is worth saying about rows, beside the body."""
        yield from describe_rows(reply.answer.rows, reply.answer.truncated, reply.answer.as_of)
        yield "Cache-Status", reply.cache_status
        if self.ignored:
            yield "X-Ignored-Params", join_bounded(self.ignored)

    def blame(self, error: Exception) -> QueryError:
        """What is answered where `error` stopped the work; what nobody foresaw is logged by its class and place."""
        if not isinstance(error, QueryError):
            log.error("unforeseen error", exc_info=error, extra={"facts": {"request_id": self.request_id}})
            error = QueryError()
        self.error = error.code
        return error

    def end(self, status: int) -> None:
        """The answer is made: tell who listens, and the log all that happened, in one line."""
        seconds = perf_counter() - self.began
        listeners = self.listeners
        listeners.count(status, self.error, seconds, self.trace)
        trace_id = listeners.trace(self, status, seconds) if listeners.trace is not None else None
        if not log.isEnabledFor(logging.INFO):
            return
        trace = self.trace
        facts: dict[str, Any] = {
            "request_id": self.request_id,
            "method": self.environ["REQUEST_METHOD"],
            "path": self.path,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "user_id": trace.user_id,
            "perspective_id": trace.perspective_id,
            "rows": trace.rows,
            "cache": trace.cache,
        }
        if self.error:
            facts["error"] = self.error
        if trace_id:
            facts["trace_id"] = trace_id
        log.handle(RequestRecord(facts))


class RequestRecord(logging.LogRecord):
    """A request's line for the log. What logging finds out about a record by default takes longer than a look-up."""

    name, levelno, levelname, msg, args = log.name, logging.INFO, "INFO", "request", ()
    pathname = filename = module = funcName = ""  # noqa: N815  the names are logging's
    lineno = 0
    exc_info = exc_text = stack_info = None

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.created = time()
        self.facts = facts


@lru_cache(maxsize=1024)
def describe_rows(rows: int, truncated: bool, as_of: datetime | None) -> tuple[tuple[str, str], ...]:
    """The headers that tell of the rows; they are the same as long as the answer is."""
    headers = (("X-Row-Count", str(rows)), ("X-Truncated", "true" if truncated else "false"))
    return (*headers, ("X-Data-As-Of", render_moment(as_of))) if as_of else headers


def render_moment(moment: datetime) -> str:
    """A UTC time in ISO 8601, to the microsecond."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def join_bounded(names: tuple[str, ...]) -> str:
    """As many names as a header can carry; `...` stands for those that are left out."""
    text = ",".join(names)
    if len(text) <= LONGEST_IGNORED_HEADER:
        return text
    return text[:LONGEST_IGNORED_HEADER].rpartition(",")[0] + ",..."


def render_durations(durations: Mapping[str, float]) -> str:
    """Server-Timing: milliseconds by name."""
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in durations.items())
