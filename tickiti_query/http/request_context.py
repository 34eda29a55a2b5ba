"""The context of a request: its id, its clock, the headers of its answer, and its line in the log."""

import logging
import random
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter, time
from typing import Any

from tickiti_query.model.errors import JSON_CONTENT_TYPE, QueryError
from tickiti_query.model.request import RequestTrace
from tickiti_query.query.service import Reply

log = logging.getLogger("tickiti_query.request")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# The head of an answer stays under 3,900 bytes, for a proxy that has 4 KiB for it. All else takes at most 900.
LONGEST_IGNORED_HEADER = 2048


@dataclass(frozen=True, slots=True)
class Hooks:
    """Functions that are called for every answer.

    `count` gets its status, its seconds and what happened on the way. `trace` makes spans of the context, the status
    and the seconds, and returns the id of the trace; None where nobody asks for traces.
    """

    count: Callable[[int, float, RequestTrace], None]
    trace: Callable[["RequestContext", int, float], str] | None = None


class RequestContext:
    """One request from its begin to its end: its id, its clock, its trace, the headers of its answer, its log line.

    `environ` is WSGI's; `path` is its path, as text.
    """

    __slots__ = ("began", "environ", "hooks", "path", "request_id", "trace")

    def __init__(self, hooks: Hooks, environ: Mapping[str, Any], path: str) -> None:
        self.hooks = hooks
        self.environ = environ
        self.path = path
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        # A name, no secret: it need not be hard to guess.
        self.request_id = request_id if REQUEST_ID.fullmatch(request_id) else f"{random.getrandbits(128):032x}"
        self.trace = RequestTrace()
        self.began = perf_counter()

    def describe(self) -> list[tuple[str, str]]:
        """Return the headers that every answer carries."""
        trace = self.trace
        headers = [("X-Request-ID", self.request_id)]
        stages = [f"{name};dur={took * 1000:.3f}" for name, took in trace.durations.items() if name != "render"]
        if stages:
            headers.append(("Server-Timing", ", ".join(stages)))
        status = trace.rate_limit
        if status:
            headers += [
                ("RateLimit-Limit", str(status.limit)),
                ("RateLimit-Remaining", str(status.remaining)),
                ("RateLimit-Reset", str(status.seconds_left)),
            ]
        return headers

    def describe_reply(self, reply: Reply) -> list[tuple[str, str]]:
        """Return the headers of an answer with rows, but those that every answer carries."""
        answer = reply.answer
        headers = [
            ("Content-Type", JSON_CONTENT_TYPE),
            ("Content-Length", str(len(answer.body))),
            *describe_rows(answer.rows, answer.truncated, answer.as_of),
            ("Cache-Status", reply.cache_status),
            ("Cache-Control", "private, no-cache"),  # a shared cache would give one caller another's rows
        ]
        if reply.ignored:
            headers.append(("X-Ignored-Params", join_bounded(reply.ignored)))
        return headers

    def to_query_error(self, failure: Exception) -> QueryError:
        """Return the error to answer with; an unforeseen failure is logged by its class and place."""
        if not isinstance(failure, QueryError):
            log.error("unforeseen error", exc_info=failure, extra={"facts": {"request_id": self.request_id}})
            failure = QueryError()
        self.trace.stages.append((None, perf_counter()))
        self.trace.error = failure.code
        if failure.facts:
            self.trace.facts = {**failure.facts, "at": locate_reading(failure)}
        return failure

    def end(self, status: int) -> None:
        """Call the hooks and write the log line of an answer that is made."""
        seconds = perf_counter() - self.began
        hooks = self.hooks
        hooks.count(status, seconds, self.trace)
        trace_id = hooks.trace(self, status, seconds) if hooks.trace is not None else None
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
        if trace.error:
            facts["error"] = trace.error
            facts.update(trace.facts or {})
        if trace_id:
            facts["trace_id"] = trace_id
        log.handle(RequestRecord(facts))


def locate_reading(failure: BaseException) -> str:
    """Return the place in this service, outside the room that talks to the replica, from which it was read."""
    traces = [error.__traceback__ for error in (failure, failure.__cause__) if error is not None]
    places = [(frame.f_code, line) for trace in traces for frame, line in traceback.walk_tb(trace)]
    for code, line in reversed(places):
        room, _, module = code.co_filename.rpartition("tickiti_query/")[2].partition("/")
        if module and room != "replica":
            return f"{room}/{module}:{line} {code.co_name}"
    return "unknown"


class RequestRecord(logging.LogRecord):
    """The log record of a request. It leaves out what logging finds out by default, which takes longer than a hit."""

    name, levelno, levelname, msg, args = log.name, logging.INFO, "INFO", "request", ()
    pathname = filename = module = funcName = ""  # noqa: N815  the names are logging's
    lineno = 0
    exc_info = exc_text = stack_info = None

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.created = time()
        self.facts = facts


@lru_cache(maxsize=1024)
def describe_rows(rows: int, truncated: bool, as_of: datetime | None) -> tuple[tuple[str, str], ...]:
    """Return the headers that describe the rows of an answer."""
    headers = (("X-Row-Count", str(rows)), ("X-Truncated", "true" if truncated else "false"))
    if as_of is None:
        return headers
    return (*headers, ("X-Data-As-Of", as_of.isoformat(timespec="microseconds").replace("+00:00", "Z")))


def join_bounded(names: tuple[str, ...]) -> str:
    """Return as many names as the header may hold; `...` stands for the rest."""
    text = ",".join(names)
    if len(text) <= LONGEST_IGNORED_HEADER:
        return text
    whole = text[:LONGEST_IGNORED_HEADER].rpartition(",")[0]
    return f"{whole},..." if whole else "..."
