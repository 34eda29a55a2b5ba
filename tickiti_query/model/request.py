"""The bounds of a request, and its answer: deadline, rate-limit status, rendered rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


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


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The requests that remain of a limit, in a window that ends in `seconds_left`.

    `is_exceeded` is True for the request after the last one that the limit allows.
    """

    limit: int
    remaining: int
    seconds_left: int
    is_exceeded: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Rendered rows. `as_of` is the commit time of the newest replicated transaction that they reflect."""

    body: bytes
    rows: int
    truncated: bool
    perspective_id: int | None
    as_of: datetime | None
