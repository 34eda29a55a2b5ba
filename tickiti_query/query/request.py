"""A request as it comes over the wire, and its trace: facts written on its way, read for headers, log and metrics."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter

from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import Deadline, RateLimitStatus
from tickiti_query.model.token import Credentials

LONGEST_BODY = 64 * 1024


@dataclass(frozen=True)  # without slots: what is computed once is kept in the instance
class Request:
    """One request. `raw_body` is None where the body did not come to its end.

    `received_at` is when it was fully received, on the monotonic clock; `deadline` bounds everything that it waits for.
    """

    credentials: Credentials
    address: str
    raw_body: bytes | None
    content_type: str
    received_at: float
    deadline: Deadline
    parse_body: Callable[[bytes | None, str], TicketQuery]

    @cached_property
    def query(self) -> TicketQuery:
        """The parsed body. Raises UnsupportedMediaType, MalformedJson and ValidationFailed."""
        return self.parse_body(self.raw_body, self.content_type)

    @property
    def size(self) -> int:
        """The bytes of the body and its media type."""
        return len(self.raw_body or b"") + len(self.content_type)

    @cached_property
    def key(self) -> Hashable:
        """A value that is equal for two requests that ask the same with the same token."""
        return self.credentials, self.raw_body, self.content_type


@dataclass(slots=True)
class RequestTrace:
    """The facts of one request, filled in as they become known; None for what was never reached.

    `durations` are seconds by the names of Server-Timing: `auth`, `cache`, `sql`. `cache` is the word of the log line:
    `hit`, `miss`, `off`. `error` is the code of an answer that is one, `facts` what the log says beside it.
    `render_seconds` is the time that it took to make the body of rows that were read for this request.
    """

    user_id: int | None = None
    perspective_id: int | None = None
    rows: int | None = None
    cache: str | None = None
    rate_limit: RateLimitStatus | None = None
    error: str | None = None
    facts: Mapping[str, str] | None = None
    render_seconds: float | None = None
    durations: dict[str, float] = field(default_factory=dict)

    def measure(self, name: str) -> "Stopwatch":
        """Return a context that adds the duration of its block to `name`."""
        return Stopwatch(self, name)

    def add(self, name: str, seconds: float) -> None:
        """Add time that was spent on `name`."""
        self.durations[name] = self.durations.get(name, 0.0) + seconds


class Stopwatch:
    """Measures a block; a plain class, because a hit measures twice and a generator costs more than it tells."""

    __slots__ = ("_name", "_start", "_trace")

    def __init__(self, trace: RequestTrace, name: str) -> None:
        self._trace = trace
        self._name = name

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(self, *raised: object) -> None:
        self._trace.add(self._name, perf_counter() - self._start)
