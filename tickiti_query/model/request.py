"""A request as it comes over the wire, with its deadline, the status of its rate limit, its trace and its answer."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import pairwise

from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.token import Credentials

LONGEST_BODY = 64 * 1024
SENT_AT_ONCE_BYTES = 64 * 1024  # an answer up to this size leaves in one piece with its head


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock, shared by everything that a request waits for."""

    ends_at: float
    clock: Callable[[], float]

    @property
    def remaining_seconds(self) -> float:
        """The seconds that are left; 0 when the moment has passed."""
        return max(0.0, self.ends_at - self.clock())

    def within(self, seconds: float) -> "Deadline":
        """Return the earlier of this deadline and the moment in `seconds` from now."""
        return Deadline(min(self.ends_at, self.clock() + seconds), self.clock)


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
    def key(self) -> Hashable:
        """A value that is equal for two requests that ask the same with the same token."""
        return self.credentials, self.raw_body, self.content_type


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The requests that remain of a limit, in a window that ends in `seconds_left`.

    `is_exceeded` is True for the request after the last one that the limit allows.
    """

    limit: int
    remaining: int
    seconds_left: int
    is_exceeded: bool


@dataclass  # without slots: the durations are kept in the instance
class RequestTrace:
    """The facts of one request, filled in as they become known; None for what was never reached.

    `cache` is the word of the log line: `hit`, `miss`, `off`. `error` is the code of an error's answer, `facts`
    what the log says beside it. `stages` are the moments at which something began that is measured, `auth`, `cache`,
    `sql` or `render`; None where it ended and nothing began.
    """

    user_id: int | None = None
    perspective_id: int | None = None
    rows: int | None = None
    cache: str | None = None
    rate_limit: RateLimitStatus | None = None
    error: str | None = None
    facts: Mapping[str, str] | None = None
    stages: list[tuple[str | None, float]] = field(default_factory=list)

    @cached_property
    def durations(self) -> dict[str, float]:
        """The seconds of each stage, once the answer is made: what is noted later is left out."""
        durations: dict[str, float] = {}
        for (stage, began), (_, ended) in pairwise(self.stages):
            if stage is not None:
                durations[stage] = durations.get(stage, 0.0) + ended - began
        return durations


@dataclass(frozen=True, slots=True)
class Answer:
    """Rendered rows. `as_of` is the commit time of the newest replicated transaction that they reflect."""

    body: bytes
    rows: int
    truncated: bool
    perspective_id: int | None
    as_of: datetime | None
