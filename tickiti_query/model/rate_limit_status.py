"""A caller's rate-limit status: how much of the rate is used up, and when it begins anew."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)  # not frozen: that takes five times as long to make, and every hit makes one
class RateLimitStatus:
    """A count against a limit, in a window that ends in `seconds_left`."""

    limit: int
    count: int
    seconds_left: int

    @property
    def is_over(self) -> bool:
        """True where the count is above the limit: exactly `limit` is still within it."""
        return self.count > self.limit

    def describe(self) -> Iterator[tuple[str, str]]:
        """Yield the headers of the status, each as a name and a value."""
        yield "RateLimit-Limit", str(self.limit)
        yield "RateLimit-Remaining", str(max(0, self.limit - self.count))
        yield "RateLimit-Reset", str(self.seconds_left)
